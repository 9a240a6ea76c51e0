"""What the tests of the run log share: writers and readers that run, logs of their own, and what is stored of them."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from redis.asyncio import Redis

from server.log import Id, Log, RunLog
from server.tail import Tail, to_id

Stored = list[tuple[Id, str, dict[str, Any]]]


@asynccontextmanager
async def going(*loops: Log | Tail) -> AsyncGenerator[None]:
    """Run the loops until the block ends."""
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def fresh() -> RunLog:
    """Return a log that nobody else uses."""
    return RunLog(f"sb:test:run:{secrets.token_hex(8)}:log")


async def stored(redis: Redis, log: RunLog) -> Stored:
    """Return what the server holds of a log."""
    found: Any = await redis.xrange(log.key)
    return [(to_id(id), fields[b"e"].decode(), orjson.loads(fields[b"d"])) for id, fields in found]


def text(found: Stored) -> str:
    """Return what a client shows of the entries."""
    return "".join(data["text"] for _, name, data in found if name == "token")


def numbers(found: Stored) -> list[int]:
    """Return the numbers that a test gave its entries, in their order."""
    return [data["n"] for _, _, data in found if "n" in data]
