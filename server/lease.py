"""The lease under which this process owns its runs: a key in Redis that it renews while it lives.

One key a process, not one a run: what it costs does not grow with the runs. A run is fenced besides, by the attempt
in its row and in the ids of its log, so a process that was paused past its lease can harm nothing when it wakes.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.log import cancelled

Alarm = Callable[[], Awaitable[None]]

LEASE_S: Final = 5.0
"""After its last renewal a process is taken for dead."""

RENEW_S: Final = 1.5
"""Three renewals in a lease: one that is late or lost costs no run."""

logger = logging.getLogger("switchboard.lease")


class Lease:
    """Says that this process lives, and which others do."""

    def __init__(self, redis: Redis, *, alone: bool) -> None:
        """`alone`: the log is this process's own, so no other process can be alive beside it."""
        self.owner = f"w_{secrets.token_hex(8)}"
        self._redis = redis
        self.alone = alone
        self._held: float | None = None
        """Since when it is held without a break, on the loop's clock."""
        self._renewed = 0.0
        self._released = False
        self._count = 0
        """Of the renewals. It is the key's value: a server that knows an older one has lost what came after it."""

    async def run(self, lapsed: Alarm, rolled_back: Alarm) -> None:
        """Renew until cancelled.

        `lapsed` is called where others may have taken this process for dead, `rolled_back` where the server came back
        without its last second.
        """
        logger.info("the runs of this process have the owner %s", self.owner)
        while not cancelled():
            await self.renew(lapsed, rolled_back)
            await asyncio.sleep(RENEW_S)

    async def renew(self, lapsed: Alarm, rolled_back: Alarm) -> None:
        """Renew once; a lease that was given up stays so."""
        if self._released:
            return
        now, before = asyncio.get_running_loop().time(), self._held
        try:
            async with asyncio.timeout(RENEW_S):
                kept = await self._redis.set(
                    _key(self.owner), self._count + 1, px=int(LEASE_S * 1000), get=True
                )
        except (RedisError, OSError):
            return
        late = self._renewed > 0 and (kept is None or now - self._renewed > LEASE_S)
        older = kept is not None and int(kept) < self._count
        self._count += 1
        self._held = now if before is None or late else before
        self._renewed = now
        if late:
            await lapsed()
        if late or older:
            await rolled_back()

    async def lost(self, owners: Collection[str]) -> set[str]:
        """Return the owners whose runs may be taken over: those without a lease, and the empty name, who is nobody.

        Nobody's alone while this process cannot tell: its log has only just come back, and those who live have yet to
        renew. Raises RedisError or OSError.
        """
        others = sorted(set(owners) - {self.owner, ""})
        free = {""} & set(owners)
        if self.alone:
            return free | set(others)
        now = asyncio.get_running_loop().time()
        steady = self._held is not None and now - self._held > LEASE_S and now - self._renewed < LEASE_S
        if not steady or not others:
            return free
        found = await self._redis.mget([_key(owner) for owner in others])
        return free | {owner for owner, lease in zip(others, found, strict=True) if lease is None}

    async def others(self) -> int:
        """Return how many other processes hold a lease. Raises RedisError or OSError."""
        count = 0
        async for _ in self._redis.scan_iter(match=_key("*"), count=1000):
            count += 1
        return count - 1

    async def release(self) -> None:
        """Give the lease up, so that nobody waits for its end."""
        self._released = True
        try:
            async with asyncio.timeout(RENEW_S):
                await self._redis.delete(_key(self.owner))
        except (RedisError, OSError):
            return


def _key(owner: str) -> str:
    return f"sb:lease:{owner}"
