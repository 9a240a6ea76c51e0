"""What other stores hold of documents that were deleted: taken away at once, and again a while later.

Answers that quote them lose their text and passages, approved answers that rest on them are withdrawn, the logs that
would replay them and the checkpoints of runs that wait with them go. A run that had already read a document when it was
deleted ends after that: so it is all done again until the longest run is over.
"""

import time
from collections.abc import Collection
from typing import Any, Final, Protocol

from redis.asyncio import Redis

from retrievers.canonical import CanonicalAnswers
from store import erasures
from store.engine import Database
from store.ids import now

AGAIN_S: Final = 60.0
"""Seconds between two looks for what came after a deletion."""
OVER_S: Final = 3600.0
"""Seconds after a deletion in which a run may still end that had read the document."""


class Threads(Protocol):
    """What is used of the checkpoints (ports/checkpoints.py)."""

    async def forget(self, threads: Collection[str]) -> Any:
        """Delete the threads."""
        ...


class Eraser:
    """Erases what quotes deleted documents; each call names its tenant."""

    def __init__(
        self, database: Database, redis: Redis, checkpoints: Threads, canonical: "Canonical"
    ) -> None:
        self._database, self._redis = database, redis
        self._checkpoints, self._canonical = checkpoints, canonical
        self._looked = -AGAIN_S

    async def __call__(self, tenant: str, sources: Collection[str]) -> None:
        """Erase what is left of these documents."""
        names = sorted(sources)
        if not names:
            return
        began = now()
        await self._canonical().withdraw(tenant, names)
        touched = await erasures.redact(self._database, tenant, names)
        if touched.runs:
            await self._redis.delete(*(f"sb:{tenant}:run:{run}:log" for run in touched.runs))
            await self._checkpoints.forget(touched.threads)
        if touched.jobs:
            await self._redis.delete(*(f"sb:{tenant}:job:{job}:log" for job in touched.jobs))
        await self._forget_answers(tenant)
        await erasures.done(self._database, tenant, names, began)

    async def again(self) -> None:
        """Do it once more for what was deleted within the last OVER_S, and for whatever was never done to its end.

        At most every AGAIN_S.
        """
        if time.monotonic() - self._looked < AGAIN_S:
            return
        self._looked = time.monotonic()
        began = now()
        for tenant, sources in (await erasures.due(self._database)).items():
            await self(tenant, sources)
        await erasures.forget(self._database, OVER_S, began)

    async def _forget_answers(self, tenant: str) -> None:
        """Delete the remembered answers: none is given any more, but they would lie there until they expire."""
        keys: list[bytes] = []
        async for key in self._redis.scan_iter(match=f"sb:answer:{escaped(tenant)}:*", count=1000):
            keys.append(key)
            if len(keys) >= 500:
                await self._redis.unlink(*keys)
                keys.clear()
        if keys:
            await self._redis.unlink(*keys)


def escaped(text: str) -> str:
    """Return the text as a pattern of Redis that matches it alone."""
    return "".join(f"\\{letter}" if letter in "*?[]^-\\" else letter for letter in text)


class Canonical(Protocol):
    """Gives the approved answers that are in use."""

    def __call__(self) -> CanonicalAnswers: ...
