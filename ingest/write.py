"""Documents into the index and the database, many at a time and in the order that a crash can interrupt anywhere."""

from collections.abc import Sequence

from ingest.embed import Embedded
from ingest.parts import Parts, identity_of
from ingest.worker import Parsed
from retrievers.contents import Content
from store import documents

Ready = tuple[Parsed, Embedded]
"""A document that can be written."""


async def write(batch: Sequence[Ready], tenant: str, parts: Parts, groups: Sequence[str] = ()) -> None:
    """Write the chunks, then the rows that say they are there: a crash in between repeats the documents.

    Remembered answers go before the chunks change and once more after: none outlives what it was made from.
    """
    await parts.bump(tenant)
    await parts.collection.replace_all(tenant, [to_content(*one) for one in batch])
    rows = [to_row(*one, groups) for one in batch]
    await documents.upsert_all(parts.database, identity_of(tenant), rows)
    await parts.bump(tenant)


def to_content(parsed: Parsed, embedded: Embedded) -> Content:
    """Return what the index is to hold of a document."""
    return Content(
        parsed.source, parsed.sha256, embedded.chunks, embedded.dense, embedded.sparse, embedded.tokens
    )


def to_row(parsed: Parsed, embedded: Embedded, groups: Sequence[str]) -> documents.Indexed:
    """Return what the database is to note of it."""
    return documents.Indexed(
        source=parsed.source,
        title=parsed.title,
        sha256=parsed.sha256,
        bytes=parsed.size,
        chunks=len(embedded.chunks),
        groups=groups,
    )
