"""A run while this process owns it: what it is, what it has come to so far, and how to stop it."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, cast

from contracts.events import RunStatus
from contracts.identity import Identity
from contracts.state import Decision, RunState, Turn, Usage
from nodes.decide import POLICY
from server.log import RunLog, log_key
from server.takeover import Told
from store.ends import Outcome
from store.line import Pending
from store.runs import Accepted


@dataclass(slots=True)
class Live:
    """One run on its way."""

    who: Identity
    run_id: str
    conversation_id: str
    message_id: str
    agent: str
    question: str
    turns: list[Turn]
    queued: bool = False
    """It has waited in the line."""
    sources: list[str] = field(default_factory=list[str])
    """The documents that the message speaks of; empty for all."""
    attempt: int = 1
    deaths: int = 0
    """Processes that died in it."""
    thread: str = ""
    """The run whose checkpoints it goes on from; empty for its own."""
    response: dict[str, Any] | None = None
    """What a person said to what the thread stopped for."""
    checkpoint: str = ""
    """Where the thread stopped for it."""
    said: str = ""
    """What clients have of the answer from an earlier owner."""
    told: Told = field(default_factory=Told)
    """What clients have been told by an earlier owner, and are not told again."""
    log: RunLog = field(init=False)
    started: float = field(default_factory=time.perf_counter)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the run may be cancelled: before its task's first step it would never reach its end, and before it has
    read what clients have, it would drop that."""
    task: asyncio.Task[None] | None = None
    cancelled: bool = False
    """A person asked for it; a task cancelled without this is left for whoever takes the run over."""
    lost: bool = False
    """Another process has taken the run over: nothing of it is this one's any more."""
    ending: bool = False
    """Its end is being stored and told: too late to cancel it."""
    answering: bool = False
    """It holds one of the places for answers."""
    recorded: bool = False
    timed: bool = False
    """The usage has its total: what is streamed is what was stored."""
    answer_id: str = ""
    """The stored answer's message."""
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    """The nodes' updates so far, merged."""

    def __post_init__(self) -> None:
        self.log = RunLog(log_key(self.who.tenant, self.run_id), epoch=max(0, self.attempt - 1))
        self.thread = self.thread or self.run_id

    def opening(self) -> dict[str, str]:
        """Return the data of the `run` event."""
        return {
            "run_id": self.run_id,
            "conversation_id": self.conversation_id,
            "message_id": self.message_id,
            "agent": self.agent,
        }

    def input(self) -> RunState:
        """Return what the graph starts from."""
        return {"question": self.question, "turns": self.turns}

    def status(self) -> RunStatus:
        """Return how the nodes say the run ended."""
        return cast(RunStatus, self.state.get("status", "completed"))

    def usage(self) -> Usage | None:
        """Return what the run took, its total brought up to the first call."""
        usage = cast("Usage | None", self.state.get("usage"))
        if usage and not self.timed:
            self.timed = True
            usage["total_ms"] = round((time.perf_counter() - self.started) * 1000, 3)
        return usage

    def outcome(self, error: dict[str, Any] | None = None) -> Outcome:
        """Return what is stored of the run."""
        decision = cast("Decision | None", self.state.get("decision"))
        passages = self.state.get("kept") or self.state.get("passages") or []
        outcome: Outcome = {
            "decision": decision,
            "citations": self.state.get("citations", []),
            "sources": passages,
            "usage": self.usage(),
            "actions": self.state.get("actions", []),
            "error": error,
            "inputs": {
                "signals": [passage["signals"] for passage in passages[:3]],
                "standalone": self.state.get("standalone", self.question),
                "sought": self.state.get("sought", []),
                "model": self.state.get("model", ""),
            },
            "policy_version": POLICY,
        }
        if recalled := self.state.get("recalled"):
            outcome["rests_on"] = recalled.get("rests_on", [])
        if pause := self.state.get("pause"):
            outcome["pause"] = pause
        if queued := self.state.get("queued"):
            outcome["next_run"] = queued["run_id"]
        return outcome


def live_of(who: Identity, accepted: Accepted, agent: str, question: str, sources: list[str]) -> Live:
    """Return the run of a message that was just accepted."""
    return Live(
        who=who,
        run_id=accepted.run_id,
        conversation_id=accepted.conversation_id,
        message_id=accepted.message_id,
        agent=agent,
        question=question,
        turns=accepted.turns,
        sources=sources,
    )


def live_again(pending: Pending) -> Live:
    """Return a run that waited in the line, or that a dead process left behind."""
    return Live(
        who=pending.who,
        run_id=pending.run_id,
        conversation_id=pending.conversation_id,
        message_id=pending.message_id,
        agent=pending.agent,
        question=pending.question,
        turns=pending.turns,
        queued=pending.queued,
        attempt=pending.attempts,
        deaths=pending.deaths,
        thread=pending.thread,
        response=pending.response,
        checkpoint=pending.checkpoint,
        cancelled=pending.cancelled,
        sources=[str(one["source"]) for one in pending.attachments],
    )
