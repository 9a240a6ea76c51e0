"""Gives the answer that stands already, as it stands."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Citation, Decision, Passage, Recalled, Usage
from nodes.usage import usage_of


class Standing(TypedDict):
    """The slice that canonical reads."""

    recalled: Recalled


class Answer(TypedDict):
    """The slice that canonical writes."""

    decision: Decision
    passages: list[Passage]
    text: str
    citations: list[Citation]
    usage: Usage
    status: str


async def canonical(state: Standing, runtime: Runtime[Context]) -> Answer:
    """Stream the approved or remembered answer with its passages."""
    found = state["recalled"]
    approved = found["kind"] == "canonical"
    reason = (
        f"approved by {found['approved_by']} on {found['approved_at'][:10]}"
        if approved
        else "the same question was answered from the same documents before"
    )
    await runtime.context.emit(found["text"])
    return {
        "decision": {
            "path": "canonical" if approved else "auto_answer",
            "confidence": found["score"],
            "intent": "question",
            "task": "answer",
            "reason": reason,
        },
        "passages": found["passages"],
        "text": found["text"],
        "citations": found["citations"],
        "usage": usage_of(runtime.context, model="", cache=found["kind"]),
        "status": "completed",
    }
