"""Writes down what the run came to: the message, the decision, what it took."""

from typing import Any, TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Action, Citation, Decision, Passage, Queued, Recalled, Review, Sought, Usage


class Outcome(TypedDict, total=False):
    """The slice that record reads: all that is worth keeping."""

    question: str
    standalone: str
    sought: list[Sought]
    turns: list[Any]
    decision: Decision
    passages: list[Passage]
    kept: list[Passage]
    recalled: Recalled | None
    rounds: int
    review: Review
    text: str
    citations: list[Citation]
    usage: Usage
    actions: list[Action]
    queued: Queued
    status: str


class Nothing(TypedDict):
    """What record writes to the state: nothing."""


async def record(state: Outcome, runtime: Runtime[Context]) -> Nothing:
    """Store the outcome, and remember a supported answer for the next one who asks the same."""
    context = runtime.context
    await context.record(state)  # pyright: ignore[reportArgumentType] - a slice of the same TypedDict
    citations = state.get("citations", [])
    if _stands(state) and citations and all(citation["supported"] for citation in citations):
        await context.memory.remember(state["question"], state)  # pyright: ignore[reportArgumentType, reportTypedDictNotRequiredAccess]
    return {}


def _stands(state: Outcome) -> bool:
    """Tell whether the question alone led to the answer, and would again.

    A conversation, a tool or a person's own words may say something else the next time.
    """
    edited = state.get("review", {"action": "approve"})["action"] != "approve"
    fresh = state.get("usage", {}).get("cache") == "none"
    return fresh and not state.get("turns") and not state.get("rounds") and not edited
