"""A change of model through the server that owns the data folder: it does the work, we follow it."""

import argparse
import asyncio
from typing import TYPE_CHECKING, Any, Final

import httpx

from contracts.errors import Internal
from ingest.remote import client_of, meant, required
from ports.folder import Owner

if TYPE_CHECKING:
    from graph.reembed import Tell

POLL: Final = 0.2
"""Seconds between two looks."""


async def hand_over_reembed(
    options: argparse.Namespace, owner: Owner, tenant: str, tell: "Tell"
) -> dict[str, Any]:
    """Have the owner change the model, and return what it came to. Raises BadRequest and StoreUnavailable."""
    wish = {"model": options.model, "anew": options.anew, "keep": options.keep}
    async with client_of(owner, tenant) as client:
        try:
            required(await client.post("/index/model", json=wish))
            while True:
                found = required(await client.get("/index/model")).json()["change"]
                if found["state"] != "running":
                    break
                tell(found["stage"], found["done"], found["total"])
                await asyncio.sleep(POLL)
        except httpx.HTTPError as failed:
            raise meant(failed, owner) from failed
    if found["state"] == "failed":
        raise Internal(found["error"])
    return found["report"]
