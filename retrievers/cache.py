"""Answers given before, kept in Redis until the tenant's index changes.

A key is made of everything that an answer depends on: tenant, agent, what the asker may read, the question, and
the version of the tenant's index. A change of the index makes a new version, so an older answer is never found.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, cast

import orjson
from redis.asyncio import Redis

from contracts.state import Recalled
from retrievers.guard import normalized

PREFIX: Final = "sb"


class AnswerCache:
    """The answers of all tenants; each call names its own."""

    def __init__(self, redis: Redis, ttl: timedelta) -> None:
        self._redis = redis
        self._ttl = ttl

    async def version(self, tenant: str) -> int:
        """Return the version of the tenant's index; 0 before its first change."""
        return int(await self._redis.get(_version_key(tenant)) or 0)

    async def bump(self, tenant: str) -> int:
        """Make a new version of the tenant's index and return it.

        Call it before the first and again after the last change: killed in between, no old answer survives.
        """
        return int(await self._redis.incr(_version_key(tenant)))

    async def find(
        self, tenant: str, agent: str, scope: Sequence[str], question: str, version: int
    ) -> Recalled | None:
        """Return the answer given to this very question under this version, or None."""
        found = await self._redis.get(_key(tenant, agent, scope, question, version))
        return None if found is None else cast(Recalled, orjson.loads(found))

    async def keep(
        self, tenant: str, agent: str, scope: Sequence[str], question: str, version: int, answer: Recalled
    ) -> None:
        """Keep the answer for as long as the time to live."""
        key = _key(tenant, agent, scope, question, version)
        await self._redis.set(key, orjson.dumps(answer), ex=max(1, int(self._ttl.total_seconds())))


def _version_key(tenant: str) -> str:
    if not tenant:
        raise ValueError("the cache needs a tenant")
    return f"{PREFIX}:index:{tenant}"


def _key(tenant: str, agent: str, scope: Sequence[str], question: str, version: int) -> str:
    if not tenant:
        raise ValueError("the cache needs a tenant")
    parts = orjson.dumps([tenant, agent, list(scope), normalized(question), version])
    return f"{PREFIX}:answer:{tenant}:{hashlib.sha256(parts).hexdigest()}"
