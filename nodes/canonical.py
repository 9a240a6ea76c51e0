"""Gives the answer that stands already, as it stands."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Citation, Recalled, Usage
from nodes.show import show
from nodes.usage import usage_of


class Standing(TypedDict):
    """The slice that canonical reads."""

    recalled: Recalled


class Answer(TypedDict):
    """The slice that canonical writes."""

    text: str
    citations: list[Citation]
    usage: Usage
    status: str


async def canonical(state: Standing, runtime: Runtime[Context]) -> Answer:
    """Stream the approved or remembered answer with its citations."""
    found = state["recalled"]
    await show(runtime.context, found["text"])
    return {
        "text": found["text"],
        "citations": found["citations"],
        "usage": usage_of(runtime.context, model="", cache=found["kind"]),
        "status": "completed",
    }
