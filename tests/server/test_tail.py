"""The shared reader over a real Valkey."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ports.valkey import open_redis
from server.log import Id
from server.tail import Tail

KEY = "sb:local:run:run_1:log"


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncGenerator[Redis]:
    async with open_redis(None, tmp_path) as client:
        yield client


class Overtaken(Tail):
    """A tail to which an event comes in just after a client has come, before the read knows of the client."""

    overtaken = False

    async def _ring(self) -> None:
        if self.overtaken:
            await write(self._redis, 3)
            await self._seats[KEY][0].ready.wait()
        await super()._ring()


async def write(redis: Redis, number: int) -> None:
    await redis.xadd(KEY, {"e": "token", "d": str(number)}, id=f"{number}-0")


async def blocked(redis: Redis) -> None:
    """Wait until a read is under way."""
    while (await redis.info("clients"))["blocked_clients"] == 0:
        pass


async def follow(tail: Tail, after: Id, count: int) -> list[bytes]:
    """Return the first `count` frames after the cursor."""
    frames: list[bytes] = []
    source = tail.follow(KEY, after, 5.0)
    while len(frames) < count:
        frames += [frame for _, frame in await anext(source)]
    await source.aclose()
    return [frame.split(b"\n")[0] for frame in frames]


async def test_a_client_that_comes_while_a_read_is_under_way_misses_nothing(redis: Redis):
    tail = Overtaken(redis, "here")
    reading = asyncio.create_task(tail.run())
    await write(redis, 1)
    first = tail.follow(KEY, (0, 0), 5.0)
    assert [frame.split(b"\n")[0] for _, frame in await anext(first)] == [b"id: 1-0"]
    await write(redis, 2)
    assert [frame.split(b"\n")[0] for _, frame in await anext(first)] == [b"id: 2-0"]

    await blocked(redis)
    tail.overtaken = True
    late = await follow(tail, (0, 0), 3)

    assert late == [b"id: 1-0", b"id: 2-0", b"id: 3-0"]
    await first.aclose()
    reading.cancel()
    await asyncio.wait([reading])
