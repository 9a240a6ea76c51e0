"""Owns the runs of this process: each is a plain asyncio.Task that drives the graph and writes its log.

No response drives a graph. A client that goes away changes nothing here; only `cancel` and the server's
own end stop a run, and after its own end the next start takes up what was left.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from langgraph.checkpoint.base import BaseCheckpointSaver

from contracts.context import Context, Emitter
from contracts.errors import Internal, SwitchboardError
from contracts.events import RunStatus
from contracts.identity import Identity
from contracts.state import RunState
from graph.build import Graph
from graph.events import to_events
from graph.failures import known
from ports.checkpoints import FRESH
from server.live import Live, live_again
from server.log import Log, RunLog, log_key
from server.metrics import Metrics
from server.places import Places
from store import line, runs
from store.engine import Database

ATTEMPTS: Final = 3
"""Starts of a run before it is taken for the cause of the server's deaths."""

ContextFor = Callable[[Live, Emitter, "Runs"], Awaitable[Context]]

logger = logging.getLogger("switchboard.runs")


class Runs:
    """Starts, ends and looks after runs."""

    def __init__(
        self,
        graph: Graph,
        log: Log,
        database: Database,
        context_for: ContextFor,
        places: Places,
        log_ttl: float,
        metrics: Metrics,
    ) -> None:
        self._graph = graph
        self._log = log
        self._database = database
        self._context_for = context_for
        self._ttl = log_ttl
        self._live: dict[str, Live] = {}
        self._dispatching = asyncio.Lock()
        self._metrics = metrics
        self.places = places
        self.closing = False

    def find(self, run_id: str) -> Live | None:
        """Return the run if this process owns it."""
        return self._live.get(run_id)

    def __len__(self) -> int:
        """Return how many runs are on their way."""
        return len(self._live)

    def start(self, live: Live) -> None:
        """Take the run on; its first event is in the log's queue when this returns."""
        self._live[live.run_id] = live
        self._log.append(live.log, "run", live.opening(), expire=self._ttl * 2 + 86_400)
        live.task = asyncio.create_task(self._own(live), name=live.run_id)

    async def cancel(self, live: Live) -> None:
        """Stop the run at a person's wish and wait until its end is in the log; one that is ending just ends."""
        first, live.cancelled = not live.cancelled, True
        await live.begun.wait()
        task = cast("asyncio.Task[None]", live.task)
        if first and not live.ending:
            task.cancel()
        await asyncio.wait([task])

    async def cancel_waiting(self, who: Identity, run_id: str) -> None:
        """End a run that waits in the line, or the run that it has become meanwhile."""
        async with self._dispatching:  # nobody takes it out of the line between the look and the end
            live = self.find(run_id)
            if live is None:
                done = await runs.finish(self._database, who, run_id, "cancelled", "", {})
                if done.first:
                    log = RunLog(log_key(who.tenant, run_id))
                    await self._log.resume(log)
                    end = {"status": "cancelled", "text": "", "message_id": done.message_id}
                    self._log.append(log, "done", end, expire=self._ttl)
                return
        await self.cancel(live)

    async def recover(self) -> int:
        """Take up the runs that a dead process left, and those that wait; return how many were left."""
        left = await line.unfinished(self._database)
        for pending in left:
            live = live_again(pending)
            self.places.take(live)  # it had one before: nobody who waits comes first
            await self._log.resume(live.log)
            self._live[live.run_id] = live
            reason = "The server was restarted; the answer starts anew."
            if live.log.last == (0, 0):
                self._log.append(live.log, "run", live.opening(), expire=self._ttl * 2 + 86_400)
            else:
                self._log.append(live.log, "restart", {"reason": reason})
            live.task = asyncio.create_task(self._own(live), name=live.run_id)
        await self.dispatch()
        return len(left)

    async def dispatch(self) -> None:
        """Start waiting runs while there are places."""
        async with self._dispatching:
            while not self.closing and not self.places.full():
                pending = await line.next_waiting(self._database)
                if pending is None:
                    return
                live = live_again(pending)
                self.places.take(live)
                self.start(live)

    async def close(self) -> None:
        """Stop all runs without ending them: the next start takes them up."""
        self.closing = True
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=3)

    async def _own(self, live: Live) -> None:
        live.begun.set()
        error: dict[str, Any] | None = None
        try:
            if live.attempt > ATTEMPTS:
                raise Internal(
                    f"The server stopped {ATTEMPTS} times while it answered this. Ask in other words."
                )
            await self._drive(live)
            status = live.status()
        except asyncio.CancelledError:
            if self.closing and not live.cancelled:
                self._live.pop(live.run_id, None)
                raise
            cast("asyncio.Task[None]", asyncio.current_task()).uncancel()
            status = "cancelled"
            if (
                not live.cancelled
            ):  # nobody asked for it: a part gave up on itself, and the run must still end
                status, error = "failed", Internal("The answer was broken off on our side. Ask again.").body()
        except Exception as failure:  # noqa: BLE001 - the one place where everything ends visibly
            status, error = "failed", self._explain(live, failure).body()
        live.ending = True
        try:
            await self._end(live, status, error)
        finally:
            self.places.leave(live)
            self._live.pop(live.run_id, None)
        if not self.closing:
            await self.dispatch()

    async def _drive(self, live: Live) -> None:
        async def emit(text: str) -> None:
            self._log.append_text(live.log, text)
            await self._log.room()

        context = await self._context_for(live, emit, self)
        config: Any = {"configurable": {"thread_id": live.run_id, FRESH: live.attempt == 1}}
        stream = self._graph.astream(
            live.input(), config, context=context, stream_mode="updates", version="v2", durability="exit"
        )
        try:
            async for part in stream:
                for update in cast("dict[str, Any]", part["data"]).values():
                    if update:
                        self._take_in(live, update)
        finally:
            await self._drop_checkpoint(live)

    async def _drop_checkpoint(self, live: Live) -> None:
        """Delete a run's checkpoint: SQL has what it came to, and another attempt must not start from it."""
        checkpoints = cast("BaseCheckpointSaver[Any]", self._graph.checkpointer)
        await checkpoints.adelete_thread(live.run_id)

    def _take_in(self, live: Live, update: dict[str, Any]) -> None:
        live.state.update(update)
        if (update.get("decision") or {}).get("path") == "auto_answer" and not live.answering:
            self.places.take(live)
        for name, data in to_events(update, live.state.get("passages", [])):
            self._log.append(live.log, name, data)

    async def record(self, live: Live, state: RunState) -> None:
        """Store what the run came to; called by the graph's last node."""
        live.state.update(state)
        text, outcome = live.log.answer(), live.outcome()
        done = await runs.finish(self._database, live.who, live.run_id, live.status(), text, outcome)
        if not done.first:
            live.state["status"] = (await runs.get(self._database, live.who, live.run_id))["status"]
        live.answer_id, live.recorded = done.message_id, True

    async def _end(self, live: Live, status: RunStatus, error: dict[str, Any] | None) -> None:
        if live.recorded:  # what is stored holds, whatever came between it and here
            status, error = live.status(), None
        else:
            status, error = await self._finish(live, status, error)
        if error is not None:
            self._log.append(live.log, "error", error, expire=self._ttl)
        else:
            if usage := live.usage():
                self._log.append(live.log, "usage", dict(usage))
            done = {"status": status, "text": live.log.answer(), "message_id": live.answer_id}
            self._log.append(live.log, "done", done, expire=self._ttl)
        self._count(live, status)
        await self._log.flush(live.log)

    def _count(self, live: Live, status: RunStatus) -> None:
        decision, usage = live.state.get("decision"), live.usage()
        self._metrics.runs.labels(status, decision["path"] if decision else "none").inc()
        self._metrics.total.observe(time.perf_counter() - live.started)
        if usage:
            self._metrics.ttft.observe(usage["ttft_ms"] / 1000)

    async def _finish(
        self, live: Live, status: RunStatus, error: dict[str, Any] | None
    ) -> tuple[RunStatus, dict[str, Any] | None]:
        """Store an end that the graph did not reach; say so if even that fails."""
        try:
            text, outcome = live.log.answer(), live.outcome(error)
            done = await runs.finish(self._database, live.who, live.run_id, status, text, outcome)
            live.answer_id = done.message_id
            if not done.first:  # cancelled while its end was being written: what is written holds
                run = await runs.get(self._database, live.who, live.run_id)
                return run["status"], run["error"]
        except Exception as failure:  # noqa: BLE001 - the client must still see an end; the next start stores it
            return "failed", error or self._explain(live, failure).body()
        return status, error

    def _explain(self, live: Live, failure: Exception) -> SwitchboardError:
        error = known(failure)
        level = logging.ERROR if isinstance(error, Internal) else logging.WARNING
        took = time.perf_counter() - live.started
        logger.log(
            level, "run %s failed after %.1f s: %s", live.run_id, took, error.message, exc_info=failure
        )
        return error
