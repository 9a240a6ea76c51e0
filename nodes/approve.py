"""Lets a person look at an answer before it is sent. The run pauses here, for as long as that takes."""

from typing import Any, NotRequired, TypedDict

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from contracts.context import Context
from contracts.state import Decision, Draft, Passage, Review

EXCERPT = 500
"""Characters of a passage that the person is shown."""


class Waiting(TypedDict):
    """The slice that approve reads."""

    question: str
    standalone: str
    decision: Decision
    draft: Draft
    model: str
    kept: list[Passage]


class Reviewed(TypedDict):
    """The slice that approve writes. The run that goes on has told its readers nothing yet: it is all said again."""

    review: Review
    decision: Decision
    standalone: str
    model: str
    passages: NotRequired[list[Passage]]
    kept: NotRequired[list[Passage]]


async def approve(state: Waiting, runtime: Runtime[Context]) -> Reviewed:
    """Return what a person makes of the answer. Run once to ask and once more with what was said."""
    review = to_review(interrupt({"kind": "approve_answer", "payload": payload_of(state)}))
    decision: Decision = {**state["decision"], "path": "refuse", "reason": reason_of(review)}
    again: Reviewed = {
        "review": review,
        "decision": decision,
        "standalone": state["standalone"],
        "model": state["model"],
    }
    if review["action"] in ("approve", "edit"):
        decision["path"] = "auto_answer"
        again["passages"] = again["kept"] = state["kept"]
    return again


def payload_of(state: Waiting) -> dict[str, Any]:
    """Return what the person is shown."""
    shown = ("id", "source", "title")
    return {
        "question": state["question"],
        "text": state["draft"]["text"],
        "confidence": state["decision"]["confidence"],
        "citations": state["draft"]["citations"],
        "passages": [
            {**{name: one[name] for name in shown}, "text": one["text"][:EXCERPT]} for one in state["kept"]
        ],
    }


def to_review(said: Any) -> Review:
    """Return what was said as a review. Whatever is no clear yes is none: an empty edit, an unknown action."""
    match said:
        case {"action": "approve"}:
            return {"action": "approve", "by": _by(said), "text": ""}
        case {"action": "edit", "text": str(text)} if text.strip():
            return {"action": "edit", "by": _by(said), "text": text.strip()}
        case {"action": "expire"}:
            return {"action": "expire", "by": "", "text": ""}
        case _:
            return {"action": "reject", "by": _by(said), "text": ""}


def _by(said: Any) -> str:
    return str(said.get("by", "")) if isinstance(said, dict) else ""


def reason_of(review: Review) -> str:
    """Return in words why the answer is sent, or is not."""
    who = review["by"] or "a person"
    match review["action"]:
        case "approve":
            return f"approved by {who}"
        case "edit":
            return f"edited and approved by {who}"
        case "reject":
            return "a person looked at the answer and did not approve it"
        case "expire":
            return "nobody looked at the answer in time"
