"""What a run's log holds, and how a batch for many logs is sent: each entry once, in order, or its log is broken.

Ids are made here, not by the server: a batch whose reply was lost can be sent again, and the server refuses
the ids that it has. A refusal alone does not say that the entry is there, so it is looked up.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from contracts.errors import StoreUnavailable
from contracts.events import EventName

Id = tuple[int, int]
"""Milliseconds since 1970, with the run's epoch above them, and a counter: a stream id that sorts."""

TAKEN: Final = {bytes, bool, int}
"""The types of replies to an XADD and a PEXPIRE that did their work."""

EPOCH: Final = 1 << 44
"""What each further owner of a run adds to the milliseconds of its ids (which fill 41 bits): from its first entry on,
the log refuses those of the owner before, who may have been paused and know nothing of it."""

ANCHOR: Final = 1 << 52
"""The counter from which on an id is no entry's: it says where a client was told all anew (server/anew.py)."""

HAS_IT: Final = "equal or smaller"
"""Of the server's refusal of an id that is not after its last one."""


def log_key(tenant: str, run_id: str) -> str:
    """Return the Redis key of a run's log."""
    return f"sb:{tenant}:run:{run_id}:log"


OPENING: Final = 64
"""Entries of a log that its owner keeps for a first client: it comes when some are written already."""

Stored = tuple[bytes, bytes, bytes]
"""An entry as the server has it: its id, the event's name, its JSON."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class RunLog:
    """The log of one run, as its owner sees it."""

    key: str
    last: Id = (0, 0)
    epoch: int = 0
    """How many owners the run had before this one."""
    written: Id = (0, 0)
    """The last id that the server has acknowledged."""
    opening: "list[Stored] | None" = None
    """All that was acknowledged, from the log's beginning; None where that is too much or not of this owner."""
    begun: bool = False
    """It has a first entry: if it is gone when the next one comes, the server has lost it."""
    broken: StoreUnavailable | None = None
    """Why it takes nothing more: a part of it could not be written. Its readers get the run's end from SQL."""
    text: str = ""
    """The answer so far, after the last `restart`; what `done.text` must equal."""
    parts: list[str] = field(default_factory=list[str])
    tail: "Entry | None" = None
    """The newest waiting entry, if it is a token that more text can join."""

    def next_id(self) -> Id:
        """Return an id after every earlier one, whatever the clock does."""
        now = time.time_ns() // 1_000_000 + self.epoch * EPOCH
        self.last = (now, 0) if now > self.last[0] else (self.last[0], self.last[1] + 1)
        return self.last

    def anchor(self) -> Id:
        """Return an anchor between the entries up to now and those that come."""
        now = self.last[0] + 1
        self.last = (now + 1, 0)
        return now, ANCHOR

    def acknowledge(self, entry: "Entry") -> Stored:
        """Note that the server has the entry, and return it."""
        stored = b"%d-%d" % entry.id, entry.name.encode(), entry.data
        if entry.opens:
            self.opening = []
        if self.opening is not None and len(self.opening) < OPENING:
            self.opening.append(stored)
        else:
            self.opening = None
        self.written = entry.id
        return stored

    def answer(self) -> str:
        """Return the answer so far."""
        if self.parts:
            self.text += "".join(self.parts)
            self.parts.clear()
        return self.text

    def fail(self, what: str) -> None:
        """Take nothing more; the first reason stays."""
        sentence = (
            f"The run log {what}. Your message is kept; ask again when the server's health page is green."
        )
        self.broken = self.broken or StoreUnavailable(sentence)


@dataclass(slots=True, eq=False)
class Entry:
    """One event on its way into the log."""

    log: RunLog
    id: Id
    name: EventName
    data: bytes
    """JSON; empty for a token, whose text may still grow, until it is sent."""
    text: str = ""
    expire: float | None = None
    opens: bool = False
    """The log's first entry, which alone may make the key."""


APPEND: Final = """
for n, key in ipairs(KEYS) do
  local at, done = 5 * (n - 1), nil
  if ARGV[at + 1] == '1' then
    done = redis.pcall('XADD', key, ARGV[at + 2], 'e', ARGV[at + 3], 'd', ARGV[at + 4])
  else
    done = redis.pcall('XADD', key, 'NOMKSTREAM', ARGV[at + 2], 'e', ARGV[at + 3], 'd', ARGV[at + 4])
  end
  if not done or type(done) == 'table' and done.err then return n end
  if ARGV[at + 5] ~= '' then redis.pcall('PEXPIRE', key, ARGV[at + 5]) end
end
return 0
"""
"""Appends a batch with one command and one reply: of a token's way into the log, packing an XADD and reading its reply
one by one were 22 µs of 28. It ends at the first entry that is not taken and returns its number; 0 where all are in."""


class Sender:
    """Sends batches to one server."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._append = redis.register_script(APPEND)

    async def send(self, batch: list[Entry]) -> list[Entry]:
        """Write the batch and return what the server does not take for now, to be sent again in this order.

        What concerns one log alone breaks that log. Raises RedisError or OSError where no reply came: all of it
        may then be sent again.
        """
        keys = [entry.log.key for entry in batch]
        fields = [field for entry in batch for field in _fields(entry)]
        with suppress(
            ResponseError
        ):  # scripts are refused here, or everything is: one by one tells which and why
            if await self._append(keys, fields) == 0:
                return []
        return await _send_each(self._redis, batch)


def _fields(entry: Entry) -> tuple[bytes | str | int, ...]:
    """Return what APPEND takes of an entry."""
    data = entry.data = entry.data or orjson.dumps({"text": entry.text})
    expire = "" if entry.expire is None else int(entry.expire * 1000)
    return int(entry.opens), b"%d-%d" % entry.id, entry.name, data, expire


async def _send_each(redis: Redis, batch: list[Entry]) -> list[Entry]:
    """Write the batch entry by entry; those that are in already are found to be."""
    expiring = [entry for entry in batch if entry.expire is not None]
    pipe = redis.pipeline(transaction=False)
    for entry in batch:
        only = () if entry.opens else (b"NOMKSTREAM",)
        id = b"%d-%d" % entry.id
        pipe.execute_command("XADD", entry.log.key, *only, id, b"e", entry.name, b"d", entry.data)
    for entry in expiring:
        pipe.execute_command("PEXPIRE", entry.log.key, int(cast(float, entry.expire) * 1000))
    replies = await pipe.execute(raise_on_error=False)
    if {type(reply) for reply in replies} <= TAKEN:
        return []
    return await _sort_out(redis, list(zip(batch + expiring, replies, strict=True)))


async def _sort_out(redis: Redis, answered: list[tuple[Entry, Any]]) -> list[Entry]:
    again: list[Entry] = []
    old: list[Entry] = []
    for entry, reply in answered:
        if reply is None:
            entry.log.fail(
                "lost what it held of this answer: its server was emptied or started without its data"
            )
        elif not isinstance(reply, ResponseError):
            pass
        elif HAS_IT in str(reply):
            old.append(entry)
        elif _own(reply):
            entry.log.fail(f"refuses this answer ({str(reply)[:80]})")
        else:
            again.append(entry)
    await _require_held(redis, old)
    return [entry for entry in dict.fromkeys(again) if entry.log.broken is None]


def _own(refusal: ResponseError) -> bool:
    """Tell whether a refusal is of this one key; memory, disk, roles and scripts are the whole server's."""
    known = refusal.status_code == "ERR" or isinstance(refusal, NoPermissionError)
    return known or str(refusal).startswith(("ERR", "WRONGTYPE"))


async def _require_held(redis: Redis, old: list[Entry]) -> None:
    """Break the logs that lack one of these: a later entry got in before it, so it cannot be written any more."""
    by_log = [list(group) for _, group in groupby(sorted(old, key=_key), attrgetter("log"))]
    pipe = redis.pipeline(transaction=False)
    for entries in by_log:
        pipe.execute_command("XRANGE", entries[0].log.key, *(b"%d-%d" % entries[n].id for n in (0, -1)))
    for entries, found in zip(by_log, await pipe.execute(raise_on_error=False), strict=True):
        held = set[bytes]() if isinstance(found, Exception) else {id for id, _ in found}
        if any(b"%d-%d" % entry.id not in held for entry in entries):
            entries[0].log.fail("could not keep a part of this answer in its place")


def _key(entry: Entry) -> tuple[str, Id]:
    return entry.log.key, entry.id
