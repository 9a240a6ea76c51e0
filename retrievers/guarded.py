"""The index's client as one collection's readers and writers have it: writes take their turn, and move on.

Reads go to the collection that the object was made for, with vectors of its model, until it has gone. A write that
comes after a switch goes to the collection that stands for the name by then, with new vectors.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from qdrant_client import models

from retrievers.alias import target_of
from retrievers.turns import Turns

PAGE: Final = 1000
Renew = Callable[[Sequence[models.PointStruct], str], Awaitable[Sequence[models.PointStruct]]]
"""Gives points the vectors of the collection of that name."""


class Guarded:
    """Serves retrievers.collection.Client for one collection of an index."""

    def __init__(self, client: Any, index: str, turns: Turns, renew: Renew) -> None:
        self._client, self._index = client, index
        self._turns, self._renew = turns, renew
        self.scroll = client.scroll
        self.count = client.count
        self.query_batch_points = client.query_batch_points
        self.retrieve = client.retrieve
        self.collection_exists = client.collection_exists
        self.get_collection = client.get_collection
        self.create_collection = client.create_collection
        self.delete_collection = client.delete_collection
        self.create_payload_index = client.create_payload_index

    async def upsert(
        self, collection_name: str, points: Sequence[models.PointStruct], **others: Any
    ) -> models.UpdateResult:
        """Write the points where the index is now."""

        async def ids(_: str) -> Sequence[Any]:
            return [point.id for point in points]

        async with self._write(collection_name, ids) as target:
            given = points if target == collection_name else await self._renew(points, target)
            return await self._client.upsert(target, given, **others)

    async def delete(self, collection_name: str, points_selector: Any, **others: Any) -> models.UpdateResult:
        """Remove the points where the index is now."""
        async with self._write(collection_name, lambda name: self._chosen(name, points_selector)) as target:
            return await self._client.delete(target, points_selector=points_selector, **others)

    async def set_payload(
        self, collection_name: str, payload: dict[str, Any], points: Any, **others: Any
    ) -> models.UpdateResult:
        """Change the points' payload where the index is now."""
        async with self._write(collection_name, lambda name: self._chosen(name, points)) as target:
            return await self._client.set_payload(target, payload, points=points, **others)

    @asynccontextmanager
    async def _write(
        self, name: str, touched: Callable[[str], Awaitable[Sequence[Any]]]
    ) -> AsyncGenerator[str]:
        """Give the collection to write to; while a new one is built, note what is touched before and after."""
        async with self._turns.writing() as building:
            target = await target_of(self._client, self._index) or name
            noted = [f"{self._index}\0{id}" for id in await touched(target)] if building else []
            await self._turns.note(noted)
            yield target
            await self._turns.note(noted)

    async def _chosen(self, name: str, selector: Any) -> list[Any]:
        """Return the ids of the points that a selector means."""
        match selector:
            case list():
                return [*selector]
            case models.PointIdsList():
                return [*selector.points]
            case _:
                matching = selector.filter if isinstance(selector, models.FilterSelector) else selector
                return await ids_of(self._client, name, matching)


async def ids_of(client: Any, name: str, matching: models.Filter) -> list[Any]:
    """Return the ids of the points that match."""
    found: list[Any] = []
    offset = None
    while True:
        records, offset = await client.scroll(
            name, scroll_filter=matching, limit=PAGE, offset=offset, with_payload=False
        )
        found += [record.id for record in records]
        if offset is None:
            return found
