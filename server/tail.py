"""The one reader of the log in this process: a single XREAD loop feeds every SSE and WebSocket client.

Replay and tail are the same loop. A client that joins late, or falls behind, only moves its log's cursor
back; clients further on skip what they have. The log is the buffer, so a slow client costs a cursor.
What this process itself writes is handed to its clients as soon as the server has it; only who lacks what came before
reads it back.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from typing import Final, cast
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from server.entries import RunLog, Stored
from server.log import Id, cancelled
from server.takeover import MARK
from server.wire import SSE, Wire

BLOCK_MS: Final = 4000
"""Below redis-py's socket timeout, which would otherwise take a quiet log for a dead server."""

PAGE: Final = 256
"""Entries a log and a read at most, and frames that a client may leave unread."""

PACE: Final = 20e-6
"""Seconds for each open log between two reads: a read names them all (0.75 ms of CPU for 500), so few read at once."""

Read = tuple[bytes, tuple[bytes, bytes, bytes, bytes]]
"""An entry as Redis returns it: its id; then `e` and the event's name, `d` and its JSON."""

Frame = tuple[bytes, bytes]
"""An event's name and how it is spelt for the client."""

GAP: Final = b"gap"
"""The name of a frame that is none: entries after the cursor in its place were trimmed away under the client."""

HELD: Final = 100
"""Words that wait for a process: more than it is sent between two of its reads."""

ALL: Final = "all"
"""Instead of a process's name: whoever listens. Words may be missed, so they only hasten what comes anyway."""

RING_S: Final = 1.0
"""Longest wait for the bell: a log that hangs keeps nobody from the heartbeats."""


class Seat:
    """One client's place in one log."""

    __slots__ = ("cursor", "frames", "full", "heard", "idle", "loop", "ready", "timer", "wire")

    def __init__(self, cursor: Id, idle: float, wire: Wire = SSE) -> None:
        self.cursor = cursor
        """The last entry that was read for it: it is sent none before."""
        self.wire = wire
        self.idle = idle
        self.frames: list[Frame] = []
        self.ready = asyncio.Event()
        self.full = False
        self.loop = asyncio.get_running_loop()
        self.heard = self.loop.time()
        """When it last had something to send, on the loop's clock."""
        self.timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to count the quiet seconds."""
        self.heard = self.loop.time()
        self.timer = self.loop.call_later(self.idle, self._knock)

    def close(self) -> None:
        """Count no more."""
        if self.timer is not None:
            self.timer.cancel()

    def _knock(self) -> None:
        """Wake a client that was idle for long enough: one timer at a time, not one a token."""
        now = self.loop.time()
        left = self.idle - (now - self.heard)
        if left <= 0:
            self.heard, left = now, self.idle
            self.ready.set()
        self.timer = self.loop.call_later(left, self._knock)


class Tail:
    """Reads the logs that somebody follows."""

    def __init__(self, redis: Redis, name: str, told: Callable[[str, str], None] | None = None) -> None:
        """`name`: of this process; `told` is called with what other processes send it (`tell`)."""
        self._redis = Redis(connection_pool=redis.connection_pool)
        self._told = told
        # As it comes: redis-py would make a dict of each entry and a list of the dicts.
        self._redis.set_response_callback("XREAD", lambda response, **_: response)  # pyright: ignore[reportArgumentType] - its type says None
        self._bell = bell_of(name)
        self._rung = {self._bell: b"0-0", bell_of(ALL): b"$"}
        """The bells that are listened to, and their last entries that were read."""
        self._seats: dict[str, list[Seat]] = {}
        self._own: WeakValueDictionary[str, RunLog] = WeakValueDictionary()
        """The logs that this process writes."""
        self._refused = set[str]()
        """Keys that are no stream: left out, or they would fail the one read for everybody."""
        self.closed = False

    def __len__(self) -> int:
        """Return how many clients follow a log."""
        return sum(len(seats) for seats in self._seats.values())

    def close(self) -> None:
        """End what every client follows; each has all that was read and goes on with its cursor elsewhere."""
        self.closed = True
        for seats in self._seats.values():
            for seat in seats:
                seat.ready.set()

    def follow(self, key: str, after: Id, idle: float) -> AsyncGenerator[list[Frame]]:
        """Yield the frames after the cursor as `attend` does; an empty list after `idle` quiet seconds."""
        return self.attend(key, Seat(after, idle))

    async def attend(self, key: str, seat: Seat) -> AsyncGenerator[list[Frame]]:
        """Yield the frames after the seat's cursor, in order, each once; an empty list after its quiet seconds.

        A client that fell behind, and whose next entries were trimmed meanwhile, gets GAP with its cursor before them.
        """
        behind: Id | None = None
        """Where it stood when it had no room left."""
        self._seats.setdefault(key, []).append(seat)
        seat.open()
        try:
            if not self._caught_up(key, seat):
                await self._ring()
            while not self.closed:
                await seat.ready.wait()
                frames, seat.frames = seat.frames, []
                seat.ready.clear()
                if frames and behind is not None:
                    if not await self._holds(key, behind):
                        yield [(GAP, b"%d-%d" % behind)]
                    behind = None
                if seat.full:
                    seat.full, behind = False, seat.cursor
                    await self._ring()
                if frames or not self.closed:
                    yield frames
        finally:
            seat.close()
            seats = self._seats[key]
            seats.remove(seat)
            if not seats:
                del self._seats[key]

    def hand(self, log: RunLog, before: Id, stored: Stored) -> None:
        """Give an entry that this process wrote, and that the server has, to those who have all before it."""
        self._own[log.key] = log
        if seats := [seat for seat in self._seats.get(log.key, ()) if seat.cursor >= before]:
            self._give(seats, [stored])

    def _caught_up(self, key: str, seat: Seat) -> bool:
        """Tell whether the client lacks nothing that it has to read, and give it the opening that is still here."""
        log = self._own.get(key)
        if log is not None and log.opening is not None and log.broken is None:
            self._give([seat], log.opening)
            log.opening = None
        return log is not None and _in_step(seat, log)

    async def _holds(self, key: str, id: Id) -> bool:
        """Tell whether the log still has the entry, and so all after it; where it does not answer, it may not."""
        with suppress(RedisError, OSError):
            at = b"%d-%d" % id
            return bool(await self._redis.execute_command("XRANGE", key, at, at, "COUNT", 1))
        return False

    async def _ring(self) -> None:
        """Make the blocked read return, so that it takes the new cursor in."""
        self._refused.clear()
        with suppress(RedisError, OSError):  # the reader tries again by itself, and finds the new cursor
            async with asyncio.timeout(RING_S):
                await _ring(self._redis, self._bell, "", "")

    async def tell(self, name: str, what: str, about: str) -> None:
        """Send a word to another process, or to ALL; who is gone never hears it. Raises RedisError or OSError."""
        await _ring(self._redis, bell_of(name), what, about)

    async def run(self) -> None:
        """Read until cancelled; an outage of the log only delays the clients."""
        while not cancelled():
            try:
                await self._read()
            except ResponseError:
                await self._refuse()
            except (RedisError, OSError):
                await asyncio.sleep(0.1)
            else:
                await asyncio.sleep(PACE * len(self._seats))

    async def _refuse(self) -> None:
        """Find the keys that a read refuses, one by one, and read the others from now on."""
        refused = set[str]()
        for key in [*self._rung, *self._seats]:
            try:
                await self._redis.execute_command("XREAD", "COUNT", 1, "STREAMS", key, b"0-0")
            except ResponseError:
                refused.add(key)
            except (RedisError, OSError):
                break
        if self._rung.keys().isdisjoint(refused):  # else the server refuses every read, for now
            self._refused |= refused
        await asyncio.sleep(0.1)

    async def _read(self) -> None:
        cursors: dict[str, Id] = {}
        for key, seats in self._seats.items():
            if key in self._refused:
                continue
            log = self._own.get(key)
            waiting = [seat.cursor for seat in seats if not (seat.full or (log and _in_step(seat, log)))]
            if waiting:
                cursors[key] = min(waiting)
        keys: list[str] = [*self._rung, *cursors]
        ids: list[bytes] = [*self._rung.values(), *(b"%d-%d" % id for id in cursors.values())]
        reply = await self._redis.execute_command(
            "XREAD", "COUNT", PAGE, "BLOCK", BLOCK_MS, "STREAMS", *keys, *ids
        )
        logs = reply.items() if isinstance(reply, dict) else reply or ()  # RESP3, RESP2, nothing new
        for key, entries in cast("Iterable[tuple[bytes, list[Read]]]", logs):
            name = key.decode()
            if name in self._rung:
                self._rung[name] = entries[-1][0]
                self._hear(entries)
            else:
                self._deliver(name, entries, cursors[name])

    def _hear(self, entries: list[Read]) -> None:
        for _, (_, what, _, about) in entries:
            if what and self._told is not None:
                self._told(what.decode(), about.decode())

    def _deliver(self, key: str, entries: list[Read], asked: Id) -> None:
        """Give each seat what it lacks; one that came while the read was under way lacks more, and waits."""
        seats = [seat for seat in self._seats.get(key, ()) if seat.cursor >= asked]
        self._give(seats, [(raw, name, data) for raw, (_, name, _, data) in entries])

    def _give(self, seats: list[Seat], entries: list[Stored]) -> None:
        """Give the entries to those who lack them and have room."""
        told = [entry for entry in entries if entry[1] != MARK]
        for seat in seats if told else ():
            seat.heard = seat.loop.time()
        for raw, name, data in told:
            id = to_id(raw)
            wire: Wire | None = None
            frame: Frame = name, b""
            for seat in seats:
                if seat.full or id <= seat.cursor:
                    continue
                if len(seat.frames) >= PAGE:
                    seat.full = True
                    continue
                if seat.wire is not wire:  # the clients of one transport share what was spelt once
                    wire = seat.wire
                    frame = name, wire.frame(raw, name, data)
                seat.frames.append(frame)
                seat.cursor = id
                seat.ready.set()
        if len(told) < len(entries):  # else a mark at the log's end would be read again and again
            last = to_id(entries[-1][0])
            for seat in seats:
                seat.cursor = seat.cursor if seat.full else max(seat.cursor, last)


def _in_step(seat: Seat, log: RunLog) -> bool:
    """Tell whether all that the client lacks will be handed to it."""
    return log.broken is None and seat.cursor >= log.written


def bell_of(name: str) -> str:
    return f"sb:bell:{name}"


async def _ring(redis: Redis, bell: str, what: str, about: str) -> None:
    pipe = redis.pipeline(transaction=False)
    pipe.execute_command("XADD", bell, "MAXLEN", HELD, "*", b"e", what, b"d", about)
    pipe.execute_command("EXPIRE", bell, 60)
    await pipe.execute()


def to_id(raw: bytes | str) -> Id:
    """Parse a stream id such as `1700000000000-3`. Raises ValueError for anything else."""
    head, dash, tail = (raw if isinstance(raw, str) else raw.decode()).partition("-")
    if not (dash and head.isdecimal() and tail.isdecimal() and len(head) <= 16 and len(tail) <= 16):
        raise ValueError(raw)
    return int(head), int(tail)
