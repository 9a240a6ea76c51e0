"""The run log: one Redis stream a run, appended in batches by one writer a process.

Tokens that wait for the same run are joined into one entry, so a busy log writes fewer, larger entries (an XADD
costs 160 µs alone, 17 µs in a batch). A log of which a part could not be written takes nothing more: what is in
it stays without a hole, and the run's end comes from SQL.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.errors import StoreUnavailable
from contracts.events import EventName
from server.entries import Entry, Id, RunLog, Sender, Stored, log_key

FLUSH_INTERVAL: Final = 0.01
"""Seconds between two batches of a busy log; a quiet one writes at once, so a first token waits for no batch."""

FEW: Final = 4
"""Appends in a batch after which the next one waits for nothing: what one run says between two of its tokens."""

BUSY: Final = 6
"""Appends beyond those from which the next batch waits for the whole interval; fewer wait for their share of it. At 16,
100 streams of 20 tokens a second settled at 6 entries a batch, which cost twice as much a token as 20 do."""

BACKLOG: Final = 4096
"""Entries waiting for a slow log before the runs are held back."""

GIVE_UP: Final = 30.0
"""Seconds for which a batch is tried again before its runs fail."""

LAST_TRY: Final = 2.0
"""Seconds for what still waits when the process ends; whoever takes its runs over goes on with them."""

FRESH_S: Final = 0.5
"""Seconds for which a log that took a batch is taken to answer; a ping costs 0.3 ms on the way to a first token."""

PATIENCE: Final = 3.0
"""Seconds within which the log answers before a message is accepted."""


Taken = Callable[[RunLog, Id, Stored], None]


def _nobody(log: RunLog, before: Id, stored: Stored) -> None:
    """Hand an entry to nobody."""


class Log:
    """Appends the events of this process's runs."""

    def __init__(self, redis: Redis, give_up: float = GIVE_UP) -> None:
        self.redis = redis
        self._sender = Sender(redis)
        self._give_up = give_up
        self._waiting: list[Entry] = []
        self._sending: list[Entry] = []
        """The batch that is under way, less what is written of it."""
        self._appends = 0
        """Since the last batch, those that joined another included."""
        self._wake = asyncio.Event()
        self._written = asyncio.Condition()
        self._heard = -math.inf
        """When the log last took a batch, on the loop's clock."""
        self._count = 0
        self._done = 0
        self.taken: Taken = _nobody
        """Called with each entry that the server has: its log, the id before it, and itself."""

    def append(self, log: RunLog, name: EventName, data: dict[str, Any], expire: float | None = None) -> None:
        """Queue one event; a broken log takes none.

        `expire`: seconds after which the log goes; set on the first and the last entry.
        Raises TypeError for data that is no JSON: here, in the run that made it, not in the writer of all runs.
        """
        encoded = orjson.dumps(data)
        if log.broken is not None:
            return
        if name == "restart":
            log.text = ""
            log.parts.clear()
        log.tail = None
        self._appends += 1
        self._add(Entry(log, log.next_id(), name, encoded, expire=expire))

    def append_text(self, log: RunLog, text: str) -> None:
        """Queue a piece of the answer; it joins the text that still waits. Raises StoreUnavailable for a broken log."""
        if log.broken is not None:
            raise log.broken
        if not text.isascii():  # half a character pair is no text that can be sent
            text = text.encode("utf-8", "replace").decode()
        log.parts.append(text)
        self._appends += 1
        if log.tail is not None:
            log.tail.text += text
            return
        entry = Entry(log, log.next_id(), "token", b"", text)
        log.tail = entry
        self._add(entry)

    def _add(self, entry: Entry) -> None:
        entry.opens, entry.log.begun = not entry.log.begun, True
        self._waiting.append(entry)
        self._count += 1
        self._wake.set()

    async def resume(self, log: RunLog) -> None:
        """Go on with a log that another process began: ids continue after its last one.

        Raises StoreUnavailable where the log does not answer.
        """
        try:
            last = await self.redis.execute_command("XREVRANGE", log.key, "+", "-", "COUNT", 1)
        except (RedisError, OSError) as error:
            raise StoreUnavailable("The run log does not answer. Try again in a moment.") from error
        if last:
            head, _, tail = last[0][0].decode().partition("-")
            log.last, log.begun = (int(head), int(tail)), True
            log.written = log.last

    async def require(self) -> None:
        """Raise StoreUnavailable where the log does not answer: before a message is accepted, not after.

        A log that has just written is not asked: what comes in the next moments is tried for GIVE_UP seconds.
        """
        if asyncio.get_running_loop().time() - self._heard < FRESH_S:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self.redis.ping()
        except (RedisError, OSError) as error:
            raise StoreUnavailable(
                "The run log does not answer, so the message was not accepted. Send it again in a few seconds.",
                retry_after=2,
            ) from error

    async def verify(self, logs: Sequence[RunLog]) -> None:
        """Break the logs of which the server has lost what it had acknowledged: it came back without its last second.

        Raises RedisError or OSError.
        """
        begun = [log for log in logs if log.written > (0, 0) and log.broken is None]
        pipe = self.redis.pipeline(transaction=False)
        for log in begun:
            pipe.execute_command("XRANGE", log.key, b"%d-%d" % log.written, "+", "COUNT", 1)
        for log, held in zip(begun, await pipe.execute(), strict=True):
            if not held:
                log.fail("came back without the end of this answer: its server lost its last second")

    def behind(self) -> bool:
        """Tell whether the log is so far behind that a run should wait for it (`flush`)."""
        return len(self._waiting) > BACKLOG

    async def flush(self, log: RunLog | None = None) -> None:
        """Wait until all that was appended so far is in its log or given up, or the log that is asked of is broken."""
        goal = self._count
        async with self._written:
            await self._written.wait_for(
                lambda: self._done >= goal or (log is not None and log.broken is not None)
            )

    async def flush_now(self) -> None:
        """Wait until all that was appended is written, for as long as LAST_TRY."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_TRY):
                await self.flush()

    async def run(self) -> None:
        """Write until cancelled; what waits or is under way then is tried for `LAST_TRY` seconds more."""
        try:
            while not cancelled():
                await self._wake.wait()
                share, self._appends = min(1.0, max(0, self._appends - FEW) / BUSY), 0
                await self._write_waiting()
                await asyncio.sleep(FLUSH_INTERVAL * share)
        finally:
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        self._wake.clear()
        new, self._waiting = self._waiting, []
        for entry in new:
            if entry.log.tail is entry:
                entry.log.tail = None
        self._sending += new
        if not self._sending:
            return
        await self._write()
        self._done = self._count - len(self._waiting)
        async with self._written:
            self._written.notify_all()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self._sending:
            self._sending = [entry for entry in self._sending if entry.log.broken is None]
            end, why = began + (LAST_TRY if cancelled() else self._give_up), "it takes nothing now"
            try:
                async with asyncio.timeout_at(end):
                    batch, self._sending = self._sending, await self._sender.send(self._sending)
                    self._heard = loop.time()
                    refused = set(self._sending)
                    for entry in batch:
                        if entry not in refused and entry.log.broken is None:
                            before = entry.log.written
                            self.taken(entry.log, before, entry.log.acknowledge(entry))
            except (RedisError, OSError) as error:
                why = type(error).__name__
            if self._sending and loop.time() >= end:
                for entry in self._sending:
                    entry.log.fail(f"could not be written for {end - began:.0f} s ({why})")
            elif self._sending:
                await asyncio.sleep(0.1)


def cancelled() -> bool:
    """Tell whether this task was told to end; Python 3.11's `wait_for`, under redis-py, may swallow the cancel."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


__all__ = ["Id", "Log", "RunLog", "cancelled", "log_key"]
