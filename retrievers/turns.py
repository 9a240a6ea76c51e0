"""Who writes to the index, and that a change of model misses nothing of it, for all processes on one Redis.

A writer notes itself before it looks whether the index is closed, and the change closes it before it looks who is
writing: so of the two at least one sees the other, and waits. While a new collection is built each write notes the
points that it touches, before and after: they are copied once more.
Notes of dead processes run out by themselves.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

WRITE_S: Final = 120.0
"""Seconds after which a writer that said nothing more counts as dead."""
HOLD_S: Final = 20.0
"""Seconds after which a change of model that said nothing more counts as dead."""
LOOK_S: Final = 0.05
RENEWED_S: Final = 0.2
"""How much later than it was to end a key must end to have been renewed."""


class Turns:
    """The turns at one index."""

    def __init__(self, redis: Redis, index: str) -> None:
        self._redis: Any = redis
        prefix = f"sb:reembed:{index}"
        self._writers, self._building = f"{prefix}:writers", f"{prefix}:building"
        self._closed, self._changed = f"{prefix}:closed", f"{prefix}:changed"

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[bool]:
        """Wait until the index is open to writers, and keep a switch waiting until the block ends.

        Gives whether a new collection is being built, so that what is touched must be noted.
        """
        token = token_hex(8)
        try:
            while True:
                pipe = self._redis.pipeline(transaction=True)
                pipe.zadd(self._writers, {token: time.time() + WRITE_S})
                pipe.mget(self._closed, self._building)
                _, (closed, building) = await pipe.execute()
                if not closed:
                    break
                await self._redis.zrem(self._writers, token)
                await asyncio.sleep(LOOK_S)
            yield bool(building)
        finally:
            await self._redis.zrem(self._writers, token)

    async def note(self, members: Sequence[str]) -> None:
        """Note what is touched: it must be copied again."""
        for start in range(0, len(members), 1000):
            await self._redis.sadd(self._changed, *members[start : start + 1000])

    async def noted(self, most: int) -> list[str]:
        """Return some of what was touched; it counts as copied from now on."""
        found = await self._redis.spop(self._changed, most)
        return [one.decode() if isinstance(one, bytes) else one for one in found or []]

    @asynccontextmanager
    async def building(self, *, alone: bool) -> AsyncGenerator["Hold"]:
        """Have every write noted until the block ends. Raises Taken where another change of model is under way.

        `alone`: no other process shares this Redis, so what holds it has died.
        """
        async with self._held(self._building, wait=not alone) as hold:
            await self._redis.delete(self._changed)
            for writer in await self._redis.zrange(self._writers, 0, -1):
                await self._left(writer)  # it began before it could know
            yield hold

    @asynccontextmanager
    async def closed(self) -> AsyncGenerator["Hold"]:
        """Keep writers out, once those that are in have left."""
        async with self._held(self._closed, wait=False) as hold:
            for writer in await self._redis.zrange(self._writers, 0, -1):
                await self._left(writer)  # who came after it closed sees that, and waits outside
            yield hold

    async def _left(self, writer: Any) -> None:
        while True:
            until = await self._redis.zscore(self._writers, writer)
            if until is None or float(until) < time.time():
                return
            await asyncio.sleep(LOOK_S)

    @asynccontextmanager
    async def _held(self, key: str, *, wait: bool) -> AsyncGenerator["Hold"]:
        hold = Hold(self._redis, key)
        await hold.take(wait=wait)
        renewal = asyncio.create_task(hold.renew())
        try:
            yield hold
        finally:
            renewal.cancel()
            await asyncio.wait([renewal])
            await hold.leave()


class Taken(Exception):
    """Another process holds it, and is alive."""


class Hold:
    """A key that one process has and renews."""

    def __init__(self, redis: Any, key: str) -> None:
        self._redis = redis
        self._key = key
        self._token = token_hex(8)

    async def take(self, *, wait: bool) -> None:
        """Take the key: from a dead holder at once, or, with `wait`, only once it has run out. Raises Taken."""
        milliseconds = int(HOLD_S * 1000)
        if not wait:
            await self._redis.set(self._key, self._token, px=milliseconds)
            return
        ends = float("inf")
        """When the key runs out at the latest, on the monotonic clock, if nobody renews it."""
        while not await self._redis.set(self._key, self._token, px=milliseconds, nx=True):
            looked = time.monotonic()
            left = await self._redis.pttl(self._key) / 1000
            if looked + left > ends + RENEWED_S:
                raise Taken
            ends = min(ends, time.monotonic() + left)
            await asyncio.sleep(1)

    async def mine(self) -> bool:
        """Tell whether it is still held: a process that was paused for too long has lost it."""
        held = await self._redis.get(self._key)
        return (held.decode() if isinstance(held, bytes) else held) == self._token

    async def renew(self) -> None:
        """Keep the key until cancelled."""
        while True:
            await asyncio.sleep(HOLD_S / 4)
            with suppress(RedisError, OSError):
                if await self.mine():
                    await self._redis.pexpire(self._key, int(HOLD_S * 1000))

    async def leave(self) -> None:
        """Give the key back."""
        if await self.mine():
            await self._redis.delete(self._key)
