"""The run log: one Redis stream a run, appended in batches by one writer a process.

Ids are made here, not by the server: a batch whose reply was lost can be sent again, and what is already
in the log is recognised by its id instead of being written twice. Tokens that wait for the same run are
joined into one entry, so a busy log writes fewer, larger entries (an XADD costs 160 µs alone, 17 µs in a batch).
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from contracts.errors import StoreUnavailable
from contracts.events import EventName

FLUSH_INTERVAL: Final = 0.01
"""Seconds between two batches of a busy log; a quiet one writes at once, so a first token waits for no batch."""

BUSY: Final = 16
"""Appends in a batch from which the next one waits for the whole interval; fewer wait for their share of it."""

BACKLOG: Final = 4096
"""Entries waiting for a slow log before the runs are held back."""

GIVE_UP: Final = 30.0
"""Seconds for which a batch is tried again before its runs fail."""

Id = tuple[int, int]
"""Milliseconds since the epoch and a counter: a stream id that sorts."""


def log_key(tenant: str, run_id: str) -> str:
    """Return the Redis key of a run's log."""
    return f"sb:{tenant}:run:{run_id}:log"


@dataclass(slots=True)
class Entry:
    """One event on its way into the log."""

    log: "RunLog"
    id: Id
    name: EventName
    data: bytes
    """JSON; empty for a token, whose text may still grow."""
    text: str = ""
    expire: float | None = None


@dataclass(slots=True)
class RunLog:
    """The log of one run, as its owner sees it."""

    key: str
    last: Id = (0, 0)
    text: str = ""
    """The answer so far, after the last `restart`; what `done.text` must equal."""
    parts: list[str] = field(default_factory=list[str])
    tail: Entry | None = None
    """The newest waiting entry, if it is a token that more text can join."""

    def next_id(self) -> Id:
        """Return an id after every earlier one, whatever the clock does."""
        now = time.time_ns() // 1_000_000
        self.last = (now, 0) if now > self.last[0] else (self.last[0], self.last[1] + 1)
        return self.last

    def answer(self) -> str:
        """Return the answer so far."""
        if self.parts:
            self.text += "".join(self.parts)
            self.parts.clear()
        return self.text


class Log:
    """Appends the events of this process's runs."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[Entry] = []
        self._appends = 0
        """Since the last batch, those that joined another included."""
        self._wake = asyncio.Event()
        self._written = asyncio.Condition()
        self._count = 0
        self._done = 0
        self.failure: StoreUnavailable | None = None

    def append(self, log: RunLog, name: EventName, data: dict[str, Any], expire: float | None = None) -> None:
        """Queue one event. `expire`: seconds after which the log goes; set on the first and the last entry.

        Raises TypeError for data that is no JSON: here, in the run that made it, not in the writer of all runs.
        """
        encoded = orjson.dumps(data)
        if name == "restart":
            log.text = ""
            log.parts.clear()
        log.tail = None
        self._appends += 1
        self._add(Entry(log, log.next_id(), name, encoded, expire=expire))

    def append_text(self, log: RunLog, text: str) -> None:
        """Queue a piece of the answer; it joins the text that still waits."""
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
        self._waiting.append(entry)
        self._count += 1
        self._wake.set()

    async def resume(self, log: RunLog) -> None:
        """Go on with a log that another process began: ids continue after its last one."""
        last = await self._redis.execute_command("XREVRANGE", log.key, "+", "-", "COUNT", 1)
        if last:
            head, _, tail = last[0][0].decode().partition("-")
            log.last = (int(head), int(tail))

    async def require(self) -> None:
        """Raise StoreUnavailable where the log does not answer: before a message is accepted, not after."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise StoreUnavailable(
                "The run log does not answer, so the message was not accepted. Send it again in a few seconds.",
                retry_after=2,
            ) from error

    async def room(self) -> None:
        """Wait while the log is far behind.

        Raises StoreUnavailable when the log could not be written for `GIVE_UP` seconds.
        """
        if len(self._waiting) > BACKLOG:
            await self.flush()

    async def flush(self) -> None:
        """Wait until all that was appended so far is in the log.

        Raises StoreUnavailable as `room` does.
        """
        goal = self._count
        async with self._written:
            await self._written.wait_for(lambda: self._done >= goal or self.failure is not None)
        if self.failure is not None:
            raise self.failure

    async def run(self) -> None:
        """Write until cancelled; what waits then is still written."""
        try:
            while not cancelled():
                await self._wake.wait()
                share, self._appends = min(1.0, self._appends / BUSY), 0
                await self._write_waiting()
                await asyncio.sleep(FLUSH_INTERVAL * share)
        finally:
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        self._wake.clear()
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        for entry in batch:
            if entry.log.tail is entry:
                entry.log.tail = None
        self.failure = await self._write(batch)
        self._done += len(batch)
        async with self._written:
            self._written.notify_all()

    async def _write(self, batch: list[Entry]) -> StoreUnavailable | None:
        end = time.monotonic() + GIVE_UP
        while True:
            try:
                await self._send(batch)
            except (RedisError, OSError) as error:
                if time.monotonic() > end:
                    return StoreUnavailable(
                        f"The run log could not be written for {GIVE_UP:.0f} s ({type(error).__name__}). "
                        "Your message is kept; ask again when the server's health page is green."
                    )
                await asyncio.sleep(0.1)
            else:
                return None

    async def _send(self, batch: list[Entry]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for entry in batch:
            id, data = b"%d-%d" % entry.id, entry.data or orjson.dumps({"text": entry.text})
            pipe.execute_command("XADD", entry.log.key, id, b"e", entry.name, b"d", data)
            if entry.expire is not None:
                pipe.execute_command("PEXPIRE", entry.log.key, int(entry.expire * 1000))
        for reply in await pipe.execute(raise_on_error=False):
            if isinstance(reply, ResponseError) and "equal or smaller" in str(reply):
                continue  # written by the try whose reply was lost
            if isinstance(reply, Exception):
                raise reply


def cancelled() -> bool:
    """Tell whether this task was told to end; Python 3.11's `wait_for`, under redis-py, may swallow the cancel."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
