"""The WebSockets of this process: how many there may be, and the bells that say of whom there is news.

A bell is a Redis stream a user, of one entry, that goes after a while. It only wakes: what is new is read from SQL,
where it is looked for every few seconds anyway, so a bell that is missed loses nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.errors import RateLimited
from contracts.identity import Identity
from server.log import cancelled

MOST_OF_ONE: Final = 10
"""Sockets of one user in this process."""

MOST: Final = 2000
"""Sockets of this process; each costs a look into SQL every 5 s, 0.4 ms of CPU."""

TOGETHER_S: Final = 0.01
"""Seconds for which bells are collected, to be rung in one round trip."""

PATIENCE_S: Final = 1.0
"""Longest wait for Redis; then the sockets look by themselves."""

HEARD_S: Final = 60
"""Seconds for which a bell is kept: longer than any socket that listens does not look."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one socket may have."""

    stall_s: float = 60.0
    """Longest wait for a client that takes nothing; it comes back with its cursors."""
    followed: int = 50
    """Runs that it follows."""


class Sockets:
    """Counts sockets and rings bells."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.limits = Limits()
        self._open = Counter[tuple[str, str]]()
        self._due = set[str]()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        """Return how many sockets are open."""
        return self._open.total()

    @contextmanager
    def place(self, who: Identity) -> Generator[None]:
        """Hold one of the places while the block runs. Raises RateLimited where there is none."""
        user = (who.tenant, who.user)
        if self._open[user] >= MOST_OF_ONE:
            raise RateLimited(f"You have {MOST_OF_ONE} WebSockets open, which is the limit. Close one first.")
        if len(self) >= MOST:
            raise RateLimited(f"This server has {MOST:,} WebSockets open, its limit. Try again in a minute.")
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]

    def ring(self, who: Identity) -> None:
        """Say, soon and to whichever process listens, that there is news of the user's."""
        self._due.add(bell_of(who))
        self._wake.set()

    async def run(self) -> None:
        """Ring until cancelled; an outage only leaves the sockets to their own looks."""
        while not cancelled():
            await self._wake.wait()
            await asyncio.sleep(TOGETHER_S)
            self._wake.clear()
            due, self._due = self._due, set()
            pipe = self._redis.pipeline(transaction=False)
            for bell in due:
                pipe.execute_command("XADD", bell, "MAXLEN", 1, "*", b"e", b"news", b"d", b"{}")
                pipe.execute_command("EXPIRE", bell, HEARD_S)
            with suppress(RedisError, OSError):
                async with asyncio.timeout(PATIENCE_S):
                    await pipe.execute()


def bell_of(who: Identity) -> str:
    """Return the Redis key of a user's bell."""
    return f"sb:{who.tenant}:news:{who.user}"
