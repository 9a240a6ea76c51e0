"""Tries again what an outage keeps from being done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

PAUSES: Final = (0.05, 0.2, 0.5, 1.0)
"""Seconds between two tries; the last one again and again."""

STORE_S: Final = 20.0
"""Seconds for which a run waits for the database before it fails."""


async def patiently(
    work: Callable[[], Awaitable[T]], passes: Callable[[Exception], bool], seconds: float
) -> T:
    """Return what `work` returns, tried again while what it raises passes by itself. Raises what is left in the end."""
    loop = asyncio.get_running_loop()
    end, tries = loop.time() + seconds, 0
    while True:
        try:
            return await work()
        except Exception as outage:
            pause = PAUSES[min(tries, len(PAUSES) - 1)]
            if not passes(outage) or loop.time() + pause > end:
                raise
        tries += 1
        await asyncio.sleep(pause)
