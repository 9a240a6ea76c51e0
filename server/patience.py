"""Tries again what an outage of the database keeps from being stored: an answer that was told is not lost to it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from contracts.errors import StoreUnavailable
from graph.failures import known

T = TypeVar("T")

STORE_S: Final = 20.0
"""Seconds for which an end is tried to be stored; then clients get an error, and a sweep stores it later."""

PAUSES: Final = (0.05, 0.2, 0.5, 1.0)
"""Seconds between two tries; the last one again and again."""


async def until_stored(store: Callable[[], Awaitable[T]], patience: float = STORE_S) -> T:
    """Return what `store` returns, tried again while the database does not answer. Raises what is left in the end."""
    loop = asyncio.get_running_loop()
    end, tries = loop.time() + patience, 0
    while True:
        try:
            return await store()
        except Exception as outage:
            pause = PAUSES[min(tries, len(PAUSES) - 1)]
            if not isinstance(known(outage), StoreUnavailable) or loop.time() + pause > end:
                raise
        tries += 1
        await asyncio.sleep(pause)
