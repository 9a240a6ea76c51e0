"""Drives one run through the graph: from where it begins, its updates into the log, to what it came to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from langgraph.types import Command

from contracts.context import Context, Emitter
from contracts.state import RunState
from graph.build import Graph
from graph.events import to_events
from ports.checkpoints import config_for
from server.live import Live
from server.log import Log
from server.patience import until_stored
from server.places import Places
from server.takeover import Told
from store import ends, runs
from store.engine import Database

AGAIN: Final = "The answer was interrupted and starts anew."
INTERRUPT: Final = "__interrupt__"
"""The name under which LangGraph streams what a node asks a person."""
NOTICES: Final = {
    "approve_answer": "A person looks at this answer before it is sent. It will appear in this conversation.",
    "tool_call": "Before I go on, somebody has to allow this: {tool}. The answer will appear in this conversation.",
}

ContextFor = Callable[[Live, Emitter, "Driver"], Awaitable[Context]]


class Driver:
    """Drives the runs of this process; holds nothing of a single one."""

    def __init__(
        self, graph: Graph, log: Log, database: Database, places: Places, context_for: ContextFor
    ) -> None:
        self._graph, self._log, self._database, self._context_for = graph, log, database, context_for
        self.places = places

    async def drive(self, live: Live) -> None:
        """Run the graph to its end, or to where it stops for a person. Raises what a node raises."""

        async def emit(text: str) -> None:
            self._log.append_text(live.log, text)
            if self._log.behind():
                await self._log.flush()

        start = await self._point(live)
        context = await self._context_for(live, emit, self)
        config = config_for(live.thread, fresh=live.attempt == 1 and live.thread == live.run_id)
        stream = self._graph.astream(
            start, config, context=context, stream_mode="updates", version="v2", durability="async"
        )
        asked: dict[str, Any] | None = None
        async for part in stream:
            if stopped := cast("dict[str, Any]", part["data"]).get(INTERRUPT):
                asked = stopped[0].value
        if asked is not None:  # now that its checkpoint is written
            await self._pause(live, asked, context.agent.approval_expires)

    async def _point(self, live: Live) -> RunState | Command[Any] | None:
        """Return what the graph begins with; None where it goes on from its last checkpoint.

        What clients have of an answer that cannot be gone on with, they are told to drop.
        """
        told, resumes = live.told, live.thread != live.run_id
        if live.attempt > 1 or resumes:
            kept = await self._graph.aget_state(config_for(live.thread))
            if resumes and kept.config.get("configurable", {}).get("checkpoint_id") == live.checkpoint:
                self._restart_if_told(live)
                return Command(resume=live.response)
            if kept.next and (told.counts["decision"] or not told.text):
                self._tell(live, kept.values)
                live.said = told.text
                if told.written is not None:
                    whole = {**told.written, "text": told.text}
                    config = config_for(live.thread, sparse=False)
                    await self._graph.aupdate_state(config, whole, as_node="generate")
                    live.state.update(whole)
                elif "generate" not in kept.next:
                    self._bring(live, kept.values.get("text", ""))
                return None
            self._restart_if_told(live)
        return live.input()

    def _bring(self, live: Live, text: str) -> None:
        """Bring clients to the text that was written before the checkpoint: its owner's log may lack the end of it."""
        if text and not text.startswith(live.said):
            self.restart(live, AGAIN)
            live.said = ""
        if rest := text[len(live.said) :]:
            self._log.append_text(live.log, rest)
            live.said = text

    def _restart_if_told(self, live: Live) -> None:
        if live.told.counts.total() > live.told.counts["run"]:
            self.restart(live, AGAIN)
        live.told = Told()

    def restart(self, live: Live, reason: str) -> None:
        """Tell all clients to drop the text so far."""
        live.told.text, live.told.written = "", None
        self._log.append(live.log, "restart", {"reason": reason})

    def take_in(self, live: Live, node: str, update: Mapping[str, Any]) -> None:
        """Note what a node has written and tell clients; called by the graph after each node."""
        if (update.get("decision") or {}).get("path") == "auto_answer" and not live.answering:
            self.places.take(live)
        self._tell(live, update)
        if node == "generate" and update.get("text") and not update.get("calls"):
            written = {key: value for key, value in update.items() if key != "text"}
            self._log.append(live.log, "mark", written)

    def _tell(self, live: Live, update: Mapping[str, Any]) -> None:
        """Merge an update into what the run has come to, and tell clients what they do not know of it."""
        live.state.update(update)
        events = list(to_events(update, live.state.get("passages", [])))
        for name, data in live.told.lacks(events) if live.told.counts else events:
            self._log.append(live.log, name, data)

    async def _pause(self, live: Live, asked: dict[str, Any], expires_s: float) -> None:
        """Note what a person is asked; the run ends here, and another goes on in its place."""
        stopped = await self._graph.aget_state(config_for(live.thread))
        checkpoint = stopped.config.get("configurable", {}).get("checkpoint_id", "")
        live.state["status"] = "interrupted"
        live.state["pause"] = {**asked, "checkpoint": checkpoint, "expires_s": expires_s}
        notice = NOTICES[asked["kind"]].format(tool=asked["payload"].get("tool", ""))
        self._log.append_text(live.log, f"\n\n{notice}" if live.log.answer() else notice)

    async def record(self, live: Live, state: RunState) -> None:
        """Store what the run came to; called by the graph's last node."""
        live.state.update(state)
        text, outcome = live.log.answer(), live.outcome()
        status, attempt = live.status(), live.attempt
        done = await until_stored(
            lambda: ends.finish(self._database, live.who, live.run_id, status, text, outcome, attempt)
        )
        if not done.first:
            live.state["status"] = (await runs.get(self._database, live.who, live.run_id))["status"]
        live.answer_id, live.recorded = done.message_id, True
