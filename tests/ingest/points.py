"""All that an index holds of a tenant, to compare two ways to make it."""

from typing import Any


async def points(collection: Any, tenant: str) -> dict[str, Any]:
    """Return everything that the index holds of a tenant, without what names the tenant and the moment."""
    records, _ = await collection.client.scroll(
        collection.name, limit=5000, with_payload=True, with_vectors=True
    )
    found: dict[str, Any] = {}
    for record in records:
        payload = dict(record.payload)
        if payload.pop("tenant") == tenant:
            kept = {name: value for name, value in payload.items() if name not in {"document", "edition"}}
            found[f"{payload['source']} {payload['position']}"] = (kept, record.vector)
    return found
