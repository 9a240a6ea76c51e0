"""What a run's log tells the process that takes the run over: the text that clients have, and what else was said."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.errors import StoreUnavailable
from contracts.events import TERMINAL, Event
from server.entries import RunLog

PAGE: Final = 1000
MARK: Final = b"mark"
"""The name of entries that are for owners alone; no client sees them."""


@dataclass(slots=True)
class Told:
    """What clients have been told of a run."""

    counts: Counter[str] = field(default_factory=Counter[str])
    """How often each event came since the last `restart`."""
    text: str = ""
    """The answer since the last `restart`."""
    written: dict[str, Any] | None = None
    """What `generate` added to the state, less the text, once the answer is whole; None while it is not."""
    end: tuple[str, dict[str, Any]] | None = None
    """The terminal event: its name and data."""

    def take(self, name: str, data: bytes) -> None:
        """Take one entry in."""
        if name == "token":
            self.text += orjson.loads(data)["text"]
        elif name == "restart":
            self.counts, self.text, self.written = Counter(["run"]), "", None
            return
        elif name == MARK.decode():
            self.written = orjson.loads(data) or self.written
            return
        elif name in TERMINAL:
            self.end = (name, orjson.loads(data))
        self.counts[name] += 1

    def lacks(self, events: list[Event]) -> list[Event]:
        """Return the events that clients have not been told yet, in order; takes the others off the counts."""
        lacking: list[Event] = []
        for event in events:
            if self.counts[event[0]] > 0:
                self.counts[event[0]] -= 1
            else:
                lacking.append(event)
        return lacking


async def fence(redis: Redis, log: RunLog) -> None:
    """Write the first entry of this attempt: from here on the log refuses whoever owned the run before.

    Raises StoreUnavailable where the log does not answer.
    """
    id = b"%d-%d" % log.next_id()
    try:
        await redis.execute_command("XADD", log.key, id, b"e", MARK, b"d", b"{}")
    except (RedisError, OSError) as error:
        raise _silent() from error
    log.written = log.last


async def read_back(redis: Redis, log: RunLog) -> Told:
    """Return what the log holds. Raises StoreUnavailable where it does not answer."""
    told, start = Told(), b"-"
    while True:
        try:
            page = await redis.execute_command("XRANGE", log.key, start, "+", "COUNT", PAGE) or []
        except (RedisError, OSError) as error:
            raise _silent() from error
        for _, fields in page:
            entry = cast("dict[bytes, bytes]", fields)
            told.take(entry[b"e"].decode(), entry[b"d"])
        if len(page) < PAGE:
            return told
        start = b"(" + page[-1][0]


def _silent() -> StoreUnavailable:
    return StoreUnavailable("The run log does not answer. Try again in a moment.")
