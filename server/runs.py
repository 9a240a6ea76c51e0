"""Owns the runs of this process: each is a plain asyncio.Task that drives the graph and writes its log.

No response drives a graph. A client that goes away changes nothing here; only `cancel` and the process's
own end stop a run, and after that another process takes it up (server/recovery.py).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final, cast

from contracts.errors import GivenUp, Internal, SwitchboardError
from contracts.events import RunStatus
from contracts.identity import Identity
from graph.failures import known
from server.drive import Driver
from server.live import Live
from server.log import GIVE_UP, Log
from server.metrics import Metrics
from server.patience import until_stored
from server.places import Places
from server.takeover import fence, read_back
from store import ends, runs
from store.engine import Database

DEATHS: Final = 3
"""Deaths of a process in a run before the run is taken for their cause."""

LONGEST_S: Final = 3600.0
"""No run takes longer. A log that is never given its end, for nobody lived to tell it, stays that much longer."""

logger = logging.getLogger("switchboard.runs")


class Runs:
    """Starts, ends and looks after runs."""

    def __init__(
        self,
        driver: Driver,
        log: Log,
        database: Database,
        places: Places,
        log_ttl: float,
        metrics: Metrics,
    ) -> None:
        self._driver = driver
        self._log = log
        self._database = database
        self._ttl = log_ttl
        self._live: dict[str, Live] = {}
        self._metrics = metrics
        self.places = places
        self.closing = False
        self.over = set[str]()
        """Threads whose checkpoints nobody needs any more."""
        self.freed = asyncio.Event()
        """Set when a run has ended: one that waits may begin."""
        self.changed: Callable[[Identity], None] = lambda _: None
        """Called with whose it is when a run that waited begins, and when one ends."""

    def find(self, run_id: str) -> Live | None:
        """Return the run if this process owns it."""
        return self._live.get(run_id)

    def all(self) -> list[Live]:
        """Return the runs that this process owns."""
        return list(self._live.values())

    def __len__(self) -> int:
        """Return how many runs are on their way."""
        return len(self._live)

    def start(self, live: Live) -> None:
        """Take a fresh run on; its first event is in the log's queue when this returns."""
        self._live[live.run_id] = live
        self._open_log(live)
        live.task = asyncio.create_task(self._own(live), name=live.run_id)

    def take_up(self, live: Live) -> None:
        """Go on with a run that waited, or that another process has left."""
        self._live[live.run_id] = live
        live.task = asyncio.create_task(self._own(live, again=True), name=live.run_id)
        self.changed(live.who)

    def abandon(self, live: Live) -> None:
        """Stop a run that another process has taken over; it is nothing to do with this one any more."""
        live.lost = True
        live.log.fail("belongs to another process by now")
        if live.task is not None and live.begun.is_set():
            live.task.cancel()

    async def cancel(self, live: Live) -> None:
        """Stop the run at a person's wish and wait until its end is in the log; one that is ending just ends."""
        first, live.cancelled = not live.cancelled, True
        await live.begun.wait()
        task = cast("asyncio.Task[None]", live.task)
        if first and not live.ending:
            task.cancel()
        await asyncio.wait([task])

    async def close(self) -> None:
        """Stop all runs without ending them: others take them up."""
        self.closing = True
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=3)

    def _open_log(self, live: Live) -> None:
        self._log.append(live.log, "run", live.opening(), expire=self._ttl + LONGEST_S)

    async def _own(self, live: Live, *, again: bool = False) -> None:
        error: dict[str, Any] | None = None
        try:
            if again:
                await self._read_back(live)
            live.begun.set()
            if live.lost:
                raise ends.Taken(live.run_id)
            if live.told.end is None and live.deaths >= DEATHS:
                raise GivenUp(
                    f"The server stopped {DEATHS} times while it answered this. Ask in other words."
                )
            if live.told.end is not None:
                await self._adopt(live)
                return
            if live.cancelled:
                raise asyncio.CancelledError
            await self._driver.drive(live)
            status = live.status()
        except asyncio.CancelledError:
            if live.lost or not live.begun.is_set() or (self.closing and not live.cancelled):
                self._forget(live)
                raise
            cast("asyncio.Task[None]", asyncio.current_task()).uncancel()
            status = "cancelled"
            if (
                not live.cancelled
            ):  # nobody asked for it: a part gave up on itself, and the run must still end
                status, error = "failed", Internal("The answer was broken off on our side. Ask again.").body()
        except ends.Taken:
            self.abandon(live)
            self._forget(live)
            return
        except Exception as failure:  # noqa: BLE001 - the one place where everything ends visibly
            status, error = "failed", self._explain(live, failure).body()
        live.ending = True
        try:
            await self._end(live, status, error)
        finally:
            self._forget(live)

    def _forget(self, live: Live) -> None:
        live.begun.set()
        self.places.leave(live)
        self._live.pop(live.run_id, None)
        self.freed.set()
        self.changed(live.who)

    async def _read_back(self, live: Live) -> None:
        """Learn what clients have been told, as soon as the log answers: an end without it would drop their text.

        From here on the log refuses whoever owned the run before. Raises StoreUnavailable after GIVE_UP seconds.
        """
        await until_stored(lambda: self._try_read_back(live), GIVE_UP)

    async def _try_read_back(self, live: Live) -> None:
        await self._log.resume(live.log)
        if live.attempt > 1:
            await fence(self._log.redis, live.log)
        live.told = await read_back(self._log.redis, live.log)
        live.log.text = live.told.text
        if not live.told.counts["run"]:
            self._open_log(live)

    async def _adopt(self, live: Live) -> None:
        """Store the end that clients have seen: its owner could not."""
        told = live.told
        name, data = cast("tuple[str, dict[str, Any]]", told.end)
        status, error = ("failed", data) if name == "error" else (data["status"], None)
        try:
            await ends.finish(
                self._database, live.who, live.run_id, status, told.text, live.outcome(error), live.attempt
            )
        except ends.Taken:
            live.lost = True
        finally:
            self._forget(live)

    async def _end(self, live: Live, status: RunStatus, error: dict[str, Any] | None) -> None:
        if live.recorded:  # what is stored holds, whatever came between it and here
            status, error = live.status(), None
        else:
            status, error = await self._finish(live, status, error)
        if live.lost:
            return
        if status != "interrupted":
            self.over.add(live.thread)
        if asked := live.state.get("interrupt"):
            self._log.append(live.log, "interrupt", asked)
        if error is not None:
            self._log.append(live.log, "error", error, expire=self._ttl)
        else:
            if usage := live.usage():
                self._log.append(live.log, "usage", dict(usage))
            done = {"status": status, "text": live.log.answer(), "message_id": live.answer_id}
            self._log.append(live.log, "done", done, expire=self._ttl)
        self._metrics.count(live, status)
        await self._log.flush(live.log)

    async def _finish(
        self, live: Live, status: RunStatus, error: dict[str, Any] | None
    ) -> tuple[RunStatus, dict[str, Any] | None]:
        """Store an end that the graph did not reach; say so if even that fails."""
        try:
            text, outcome = live.log.answer(), live.outcome(error)
            attempt = live.attempt
            done = await until_stored(
                lambda: ends.finish(self._database, live.who, live.run_id, status, text, outcome, attempt)
            )
            live.answer_id = done.message_id
            if done.interrupt:
                live.state["interrupt"] = asked_of(live, done)
            if not done.first:  # cancelled while its end was being written: what is written holds
                run = await runs.get(self._database, live.who, live.run_id)
                return run["status"], run["error"]
        except ends.Taken:
            self.abandon(live)
        except Exception as failure:  # noqa: BLE001 - the client must still see an end; it is stored later
            return "failed", error or self._explain(live, failure).body()
        return status, error

    def _explain(self, live: Live, failure: Exception) -> SwitchboardError:
        error = known(failure)
        level = logging.ERROR if isinstance(error, Internal | GivenUp) else logging.WARNING
        took = time.perf_counter() - live.started
        logger.log(
            level, "run %s failed after %.1f s: %s", live.run_id, took, error.message, exc_info=failure
        )
        return error


def asked_of(live: Live, done: ends.Finished) -> dict[str, Any]:
    """Return the data of the `interrupt` event; an answer that waits for approval is not the asker's yet."""
    pause = live.state["pause"]
    payload = pause["payload"] if pause["kind"] == "tool_call" else {"question": live.question}
    return {"id": done.interrupt, "kind": pause["kind"], "payload": payload, "run_id": done.next_run}
