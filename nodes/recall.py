"""Looks for an answer that stands already: one that a person approved, or one given to this very question."""

from typing import NotRequired, TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Decision, Passage, Recalled, Turn


class Question(TypedDict):
    """The slice that recall reads."""

    question: str
    turns: list[Turn]


class Found(TypedDict):
    """The slice that recall writes."""

    recalled: Recalled | None
    decision: NotRequired[Decision]
    passages: NotRequired[list[Passage]]


async def recall(state: Question, runtime: Runtime[Context]) -> Found:
    """Return the standing answer, or None. Within a conversation a question may mean something else: no recall."""
    found = None if state["turns"] else await runtime.context.memory.recall(state["question"])
    if found is None:
        return {"recalled": None}
    return {"recalled": found, "decision": _decision(found), "passages": found["passages"]}


def _decision(found: Recalled) -> Decision:
    approved = found["kind"] == "canonical"
    reason = (
        f"approved by {found['approved_by']} on {found['approved_at'][:10]}"
        if approved
        else "the same question was answered from the same documents before"
    )
    return {
        "path": "canonical" if approved else "auto_answer",
        "confidence": found["score"],
        "intent": "question",
        "task": "answer",
        "reason": reason,
    }
