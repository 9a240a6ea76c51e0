"""Answers given before, kept in Redis until the tenant's index changes.

A key is made of what an answer depends on: tenant, agent, what the asker may read, and the question. Beside the answer
stands the version of the tenant's index that it was made from; a change of the index makes a new version, and an
older answer counts for nothing. Both are read in one go: each trip to Redis costs 0.2 ms on the way to a first token.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypedDict, cast

import orjson
from redis.asyncio import Redis

from contracts.state import Recalled
from retrievers.guard import normalized

PREFIX: Final = "sb"


class Kept(TypedDict):
    """What is kept."""

    version: int
    answer: Recalled


class AnswerCache:
    """The answers of all tenants; each call names its own."""

    def __init__(self, redis: Redis, ttl: timedelta) -> None:
        self._redis = redis
        self._ttl = ttl

    async def bump(self, tenant: str) -> int:
        """Make a new version of the tenant's index and return it.

        Call it before the first and again after the last change: killed in between, no old answer survives.
        """
        return int(await self._redis.incr(_version_key(tenant)))

    async def version(self, tenant: str) -> int:
        """Return the version of the tenant's index; 0 before its first change."""
        return int(await self._redis.get(_version_key(tenant)) or 0)

    async def find(
        self, tenant: str, agent: str, scope: Sequence[str], question: str
    ) -> tuple[int, Recalled | None]:
        """Return the version of the index, 0 before its first change, and the answer given under it or None."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.get(_version_key(tenant))
        pipe.get(_key(tenant, agent, scope, question))
        now, found = await pipe.execute()
        version = int(now or 0)
        kept = cast("Kept | None", orjson.loads(found) if found else None)
        return version, kept["answer"] if kept and kept["version"] == version else None

    async def keep(
        self, tenant: str, agent: str, scope: Sequence[str], question: str, version: int, answer: Recalled
    ) -> None:
        """Keep the answer for as long as the time to live."""
        kept = Kept(version=version, answer=answer)
        ttl = max(1, int(self._ttl.total_seconds()))
        await self._redis.set(_key(tenant, agent, scope, question), orjson.dumps(kept), ex=ttl)


def _version_key(tenant: str) -> str:
    if not tenant:
        raise ValueError("the cache needs a tenant")
    return f"{PREFIX}:index:{tenant}"


def _key(tenant: str, agent: str, scope: Sequence[str], question: str) -> str:
    if not tenant:
        raise ValueError("the cache needs a tenant")
    parts = orjson.dumps([tenant, agent, list(scope), normalized(question)])
    return f"{PREFIX}:answer:{tenant}:{hashlib.sha256(parts).hexdigest()}"
