"""Brings a new collection to what an old one holds, point by point, with the vectors of another model.

What is done is read off the new collection itself: a run that was killed goes on where it was, and one that repeats
finds only what has changed meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np
from langchain_core.embeddings import Embeddings
from qdrant_client import models

from contracts.documents import Chunk
from contracts.errors import Internal
from graph.encoder import Encoder
from retrievers.canonical import QUESTION
from retrievers.collection import DENSE
from retrievers.renewal import BESIDE, PART_OF, WHOLE, Renewed, chunk_of, digest, points_of, same

PAGE: Final = 500
"""Points in one call."""
BATCH: Final = 64
"""Points that are made together."""
SAMPLE: Final = 8
"""Points whose vectors are made once more and compared."""
NEAR: Final = 0.98
"""Least cosine of a vector that was made twice."""

Embed = Callable[[Sequence[Chunk], Encoder], Sequence[Renewed]]
"""Cuts chunks to the encoder's window and embeds them, one Renewed a chunk; blocking."""
Made = list[models.PointStruct]


class Kind(Protocol):
    """How the points of one kind are made."""

    vector: str

    async def make(self, records: Sequence[Any]) -> Made:
        """Return the records' points, with new vectors."""
        ...


class Passages:
    """Chunks: dense, BM25 and token vectors from the stored text."""

    vector = DENSE

    def __init__(self, encoder: Encoder, embed: Embed) -> None:
        self._encoder, self._embed = encoder, embed

    async def make(self, records: Sequence[Any]) -> Made:
        chunks = [chunk_of(record.payload) for record in records]
        renewed = await asyncio.to_thread(self._embed, chunks, self._encoder)
        pairs = zip(records, renewed, strict=True)
        return [point for record, one in pairs for point in points_of(record.id, record.payload, one)]


class Answers:
    """Approved answers, found by their questions."""

    vector = QUESTION

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    async def make(self, records: Sequence[Any]) -> Made:
        asked = [record.payload["question"] for record in records]
        vectors = [list(await self._embeddings.aembed_query(question)) for question in asked]
        pairs = zip(records, vectors, strict=True)
        return [
            models.PointStruct(id=record.id, vector={QUESTION: vector}, payload=record.payload)
            for record, vector in pairs
        ]


class Copy:
    """One collection beside another."""

    def __init__(self, client: Any, old: str, new: str, kind: Kind) -> None:
        self._client, self.old, self.new, self._kind = client, old, new, kind
        self.made = 0
        """Points of the old collection that were made anew."""
        self.split = 0
        """Those among them that were too long for the model, and became several."""
        self.tenants: set[str] = set()

    async def whole(self, tell: Callable[[int], None]) -> int:
        """Compare all points and mend what differs; tells how many are done, returns how many differed."""
        waiting: list[Any] = []
        over: list[Any] = []
        seen = differed = 0
        async for old, new in _beside(self._records(self.old), self._records(self.new)):
            if old is None:
                over.append(new)
            else:
                seen += 1
                self.tenants.add(str(old.payload.get("tenant", "")))
                if new is None or not same(old.payload, new.payload):
                    waiting.append(old)
            if len(waiting) == BATCH:
                differed += await self._put(waiting)
                waiting = []
            if len(over) == PAGE:
                differed += await self._clear(over)
                over = []
            if seen % BATCH == 0:
                tell(seen)
        tell(seen)
        return differed + await self._put(waiting) + await self._clear(over)

    async def some(self, ids: Sequence[str]) -> None:
        """Mend the points of these ids, whatever became of them."""
        there = await self._client.retrieve(self.old, ids=list(ids), with_payload=BESIDE)
        gone = set(ids) - {str(record.id) for record in there}
        self.tenants |= {str(record.payload.get("tenant", "")) for record in there}
        parts = models.FieldCondition(key=PART_OF, match=models.MatchAny(any=list(ids)))
        await self._delete(models.Filter(must=[parts]))
        await self._delete(models.Filter(must=[models.HasIdCondition(has_id=list[Any](gone))]), bool(gone))
        for batch in _batches(there, BATCH):
            await self._put(batch)

    async def verify(self) -> None:
        """Raise Internal where the new collection has not as many points, or a vector is not the model's."""
        counted = await self.counts()
        if counted[0] != counted[1]:
            raise Internal(
                f"The new collection {self.new!r} holds {counted[1]} of {counted[0]} points. Nothing was switched. "
                "Run `switchboard reembed` again: it goes on with what is missing."
            )

    async def counts(self) -> tuple[int, int]:
        """Return the number of points in the old collection, and of those in the new one that stand for them."""
        whole = models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key=PART_OF))])
        old = (await self._client.count(self.old)).count
        return old, (await self._client.count(self.new, count_filter=whole)).count

    async def probe(self) -> None:
        """Make some vectors once more and compare them with what is stored. Raises Internal where they differ."""
        records, _ = await self._client.scroll(self.new, limit=SAMPLE, with_payload=BESIDE, with_vectors=True)
        plain = [record for record in records if WHOLE not in record.payload]
        for record, point in zip(plain, await self._kind.make(plain) if plain else [], strict=True):
            vector: Any = point.vector
            stored, made = (np.asarray(one[self._kind.vector]) for one in (record.vector, vector))
            if float(stored @ made) < NEAR * float(np.linalg.norm(stored) * np.linalg.norm(made)):
                raise Internal(
                    f"A vector in {self.new!r} is not the one that the model makes of its text now. Nothing was "
                    "switched. Run `switchboard reembed --anew` to make all of them again."
                )

    async def _records(self, name: str) -> AsyncGenerator[Any]:
        """Yield the points in the order of their ids, with all that does not depend on a model."""
        offset = None
        while True:
            records, offset = await self._client.scroll(name, limit=PAGE, offset=offset, with_payload=BESIDE)
            for record in records:
                yield record
            if offset is None:
                return

    async def _put(self, records: Sequence[Any]) -> int:
        if records:
            points = await self._kind.make(records)
            await self._client.upsert(self.new, points, wait=True)
            self.made += len(records)
            firsts = [point.payload or {} for point in points if PART_OF not in (point.payload or {})]
            self.split += sum(WHOLE in payload for payload in firsts)
        return len(records)

    async def _clear(self, records: Sequence[Any]) -> int:
        """Remove the points that stand for nothing any more; what a chunk was cut into stays with its chunk."""
        parents = {record.payload[PART_OF] for record in records if PART_OF in record.payload}
        found = (
            await self._client.retrieve(self.old, ids=list(parents), with_payload=BESIDE) if parents else []
        )
        known = {str(record.id): digest(record.payload) for record in found}
        gone = [
            record.id
            for record in records
            if PART_OF not in record.payload or known.get(record.payload[PART_OF]) != record.payload[WHOLE]
        ]
        await self._delete(models.Filter(must=[models.HasIdCondition(has_id=gone)]), bool(gone))
        return len(gone)

    async def _delete(self, matching: models.Filter, needed: bool = True) -> None:
        if needed:
            chosen = models.FilterSelector(filter=matching)
            await self._client.delete(self.new, points_selector=chosen, wait=True)


async def _beside(old: AsyncGenerator[Any], new: AsyncGenerator[Any]) -> AsyncGenerator[tuple[Any, Any]]:
    """Yield the points of two collections in the order of ids, those of the same id together, else None for one."""
    here, there = await anext(old, None), await anext(new, None)
    while here is not None or there is not None:
        if there is None or (here is not None and _place(here) < _place(there)):
            yield here, None
            here = await anext(old, None)
        elif here is None or _place(there) < _place(here):
            yield None, there
            there = await anext(new, None)
        else:
            yield here, there
            here, there = await anext(old, None), await anext(new, None)


def _place(record: Any) -> tuple[int, Any]:
    """Return where the index puts a point: numbers first, then UUIDs."""
    return (0, record.id) if isinstance(record.id, int) else (1, str(record.id))


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
