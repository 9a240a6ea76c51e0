"""A run's stream as one client reads it: from its cursor to the one terminal event, whatever happened between.

The log is the truth while it lasts. What it cannot give any more is said (`gap`) and then told anew, from the stored
answer or the owner's memory (server/anew.py).
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.errors import BadCursor, StoreUnavailable, UnreadableDocument
from contracts.events import TERMINAL
from contracts.identity import Identity
from server.anew import Anew, from_memory, from_store, is_anchor, is_end
from server.entries import EPOCH
from server.log import PATIENCE, Id, log_key
from server.onward import onward
from server.runs import Runs
from server.tail import GAP, Frame, Seat, Tail, to_id
from server.wire import HEARTBEAT, SSE, Wire, to_note
from store import interrupts, jobs, line, messages, runs
from store.engine import Database
from store.runs import Run

HEARTBEAT_S: Final = 5.0
SLACK_S: Final = 60.0
"""How much later than its stored end a run's last event may be: a loaded database takes seconds to commit it."""
QUICK_S: Final = 1.0
"""Longest look into a log whose run has ended, before the end is told from the database."""
ELSEWHERE_S: Final = 1.0
"""Between two looks whether a run that another process answers has ended."""
START: Final[Id] = (0, 0)
ENDS: Final = frozenset(name.encode() for name in TERMINAL)


@dataclass(frozen=True, slots=True)
class Streams:
    """Opens the streams of runs."""

    redis: Redis
    tail: Tail
    runs: Runs
    database: Database
    idle: float = HEARTBEAT_S
    """Seconds without news after which a client gets a heartbeat."""

    async def open(
        self, who: Identity, run_id: str, after: str, wire: Wire = SSE
    ) -> AsyncGenerator[bytes] | None:
        """Return the frames after the cursor; None where the cursor is the run's end.

        Everything that has an HTTP status is raised here, before the response starts: Unknown for a run
        that is not theirs, BadCursor for a cursor that is not of this run, StoreUnavailable for one that has not ended
        while the log does not answer.
        """
        cursor = parse(after)
        run = await runs.get(self.database, who, run_id)
        key, ended = log_key(who.tenant, run_id), run["finished_at"] is not None
        closed = ended and await messages.withheld(self.database, who, run_id)
        if cursor != START:
            _require_in_time(cursor, run["created_at"], run["finished_at"])
            if ended and is_end(cursor):
                return None
        if closed:  # the log has passages that the asker may not read any more
            return _one((await self._stored(who, run, cursor, wire)).frames)
        try:
            async with asyncio.timeout(PATIENCE):
                if ended and cursor != START and await self._at_end(key, cursor):
                    return None
                gap = await self._gap(key, cursor, ended=ended)
        except (RedisError, OSError) as silent:
            if ended:  # the database has all of it
                return _one((await self._stored(who, run, cursor, wire)).frames)
            raise StoreUnavailable(
                "The run log does not answer; the run goes on. Attach again in a moment.", retry_after=2
            ) from silent
        return self._frames(who, run_id, cursor, gap, wire, waits=run["status"] in ("waiting", "paused"))

    def open_new(
        self, who: Identity, run_id: str, wire: Wire = SSE, *, waits: bool = False
    ) -> AsyncGenerator[bytes]:
        """Return all frames of a run that was just accepted. `waits`: others are answered before it."""
        return self._frames(who, run_id, START, None, wire, waits=waits)

    async def open_job(self, who: Identity, id: str, key: str, after: str) -> AsyncGenerator[bytes] | None:
        """Return the frames of an upload's job after the cursor; None at its end. Raises Unknown, BadCursor."""
        cursor, job = parse(after), await jobs.get(self.database, who, id)
        ended = job["status"] != "running"
        if ended and not await self.redis.exists(key):
            return _one(_job_end(job))
        if ended and await self._at_end(key, cursor):
            return None
        await self._gap(key, cursor, ended=ended)
        return self._follow(who, id, key, cursor)

    async def _at_end(self, key: str, cursor: Id) -> bool:
        """Tell whether the cursor is the terminal event."""
        return await self._end_in(key) == cursor

    async def _end_in(self, key: str) -> Id | None:
        """Return the id of the log's terminal event; None where it has none."""
        last = await self.redis.execute_command("XREVRANGE", key, "+", "-", "COUNT", 1)
        return to_id(last[0][0]) if last and last[0][1].get(b"e") in ENDS else None

    async def forget(self, who: Identity, run_ids: list[str]) -> None:
        """Delete the logs of runs whose conversation is deleted."""
        if run_ids:
            await self.redis.delete(*(log_key(who.tenant, run_id) for run_id in run_ids))

    async def _follow(self, who: Identity, id: str, key: str, cursor: Id) -> AsyncGenerator[bytes]:
        async for frames in self.tail.follow(key, cursor, self.idle):
            if not frames and (job := await jobs.get(self.database, who, id))["status"] != "running":
                yield _job_end(job)  # the log has lost it
                return
            yield b"".join(frame for name, frame in frames if name != GAP) or HEARTBEAT
            if frames and _ended(frames):
                return

    async def _gap(self, key: str, cursor: Id, *, ended: bool) -> dict[str, str] | None:
        """Return what cannot be replayed, as the `gap` event says it; None where all of it can."""
        if is_anchor(cursor):  # what came behind it had no ids: nobody knows where it was cut
            return {"from": _text(cursor), "to": ""}
        first = await self.redis.execute_command("XRANGE", key, "-", "+", "COUNT", 1)
        if not first:
            if cursor == START and not ended:
                return None
            return {"from": _text(cursor), "to": ""} if ended else None
        oldest = to_id(first[0][0])
        info = cast("dict[bytes, Any]", await self.redis.execute_command("XINFO", "STREAM", key))
        trimmed = info[b"entries-added"] > info[b"length"]
        if cursor < oldest and (trimmed or cursor != START):
            return {"from": _text(cursor), "to": _text(oldest)}
        if cursor > to_id(info[b"last-generated-id"]):  # the log was rolled back to before it
            return {"from": _text(cursor), "to": "" if ended else _text(oldest)}
        held = await self.redis.execute_command("XRANGE", key, _text(cursor), _text(cursor), "COUNT", 1)
        if cursor != START and not held:
            raise BadCursor(f"The cursor {_text(cursor)!r} is not of this run. Start again without one.")
        return None

    async def _frames(
        self, who: Identity, run_id: str, cursor: Id, gap: dict[str, str] | None, wire: Wire, *, waits: bool
    ) -> AsyncGenerator[bytes]:
        """Yield the run's frames; each gap, the first and those met on the way, is said and made good."""
        key, seen = log_key(who.tenant, run_id), cursor
        if waits:
            yield await self._place(who, run_id, wire)
        while True:
            if gap is not None:
                yield wire.note("gap", gap)
                while (anew := await self._anew(who, run_id, seen, wire)) is None:
                    yield wire.heartbeat  # another process has what is missing; with the run's end, SQL has it as well
                    if self.tail.closed:
                        yield wire.retry()
                        return
                    await asyncio.sleep(ELSEWHERE_S)
                yield anew.frames
                if anew.ends:
                    return
                seen, cursor = anew.anchor, anew.cursor
            seat = Seat(cursor, self.idle, wire)
            async for frames in self.tail.attend(key, seat):
                if not frames:
                    quiet, ends = await self._quiet(who, run_id, max(seen, seat.cursor), wire)
                    yield quiet
                    if ends:
                        return
                    continue
                if frames[0][0] == GAP:
                    cursor = to_id(frames[0][1])
                    seen = max(seen, cursor)
                    gap = await self._gap(key, cursor, ended=True)
                    break
                yield b"".join(frame for _, frame in frames)
                if _ended(frames):
                    return
            else:
                yield wire.retry()
                return

    async def _quiet(self, who: Identity, run_id: str, seen: Id, wire: Wire) -> tuple[bytes, bool]:
        """Return what is sent while the log says nothing, and whether it is the end.

        The run may wait, or have ended in a log that lost its last second with its server. A log that has its end is
        only late: this process may have been paused.
        """
        if self.runs.find(run_id) is not None:
            return wire.heartbeat, False
        run = await runs.get(self.database, who, run_id)
        if run["finished_at"] is not None:
            with suppress(RedisError, OSError):
                async with asyncio.timeout(QUICK_S):
                    late = await self._end_in(log_key(who.tenant, run_id)) is not None
                if late:
                    return wire.heartbeat, False
            return (await self._stored(who, run, seen, wire)).frames, True
        return (await self._place(who, run_id, wire) if run["status"] == "waiting" else wire.heartbeat), False

    async def _stored(self, who: Identity, run: Run, seen: Id, wire: Wire) -> Anew:
        """Return what a run that has ended came to."""
        answer = await messages.answer_of(self.database, who, run["id"])
        goes_on = await onward(self.database, who, run["id"], run["status"], self._wait)
        return from_store(wire, seen, run, answer, goes_on)

    def _wait(self, position: int) -> float:
        return self.runs.places.expected_wait(position)

    async def _place(self, who: Identity, run_id: str, wire: Wire) -> bytes:
        """Return where the run stands in the line, as an event that is not in the log: it changes while it waits."""
        position = await line.position(self.database, who, run_id)
        if not position:
            asked = await interrupts.waits_for(self.database, who, run_id)
            return wire.note("interrupt", asked) if asked else wire.heartbeat
        wait = self.runs.places.expected_wait(position)
        return wire.note("queue", {"position": position, "expected_wait_s": wait})

    async def _anew(self, who: Identity, run_id: str, seen: Id, wire: Wire) -> Anew | None:
        """Return the whole for who has seen ids up to this one; None while only another process has it."""
        run = await runs.get(self.database, who, run_id)
        if run["finished_at"] is not None:
            return await self._stored(who, run, seen, wire)
        live = self.runs.find(run_id)
        if (
            live is not None and seen <= live.log.last
        ):  # else it was taken over, and this process does not know yet
            live.log.tail = None  # no text may join an entry that is told already
            known = {**live.outcome(), "usage": None}
            return from_memory(wire, live.log.anchor(), live.opening(), live.log.answer(), known)
        return None


def parse(after: str) -> Id:
    """Parse a cursor; empty is the start. Raises BadCursor."""
    if not after:
        return START
    try:
        return to_id(after)
    except ValueError as error:
        raise BadCursor(
            f"{after[:60]!r} is not a cursor. Send the last `id:` that you received, or none to start over."
        ) from error


def _require_in_time(cursor: Id, created: str, finished: str | None) -> None:
    """Raise BadCursor for one from before the run or after it: no loss of its log explains it."""
    began = datetime.fromisoformat(created).timestamp()
    ended = datetime.fromisoformat(finished).timestamp() if finished else time.time()
    if not began <= cursor[0] % EPOCH / 1000 + 0.001 <= ended + SLACK_S:  # an id is cut to milliseconds
        raise BadCursor(f"The cursor {_text(cursor)!r} is not of this run. Start again without one.")


def _ended(frames: list[Frame]) -> bool:
    return frames[-1][0] in ENDS


def _text(id: Id) -> str:
    return f"{id[0]}-{id[1]}"


def _job_end(job: jobs.Job) -> bytes:
    if job["status"] == "failed":
        return to_note("error", UnreadableDocument(job["error"]).body())
    if job["status"] == "cancelled":
        return to_note("done", {"status": "cancelled", "document": None, "report": None})
    return to_note("done", {"report": job["outcome"]})


async def _one(frame: bytes) -> AsyncGenerator[bytes]:
    yield frame
