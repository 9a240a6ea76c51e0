"""Ties each sentence of the answer to the passages that support it, and marks those that nothing supports."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Citation, Decision, Passage


class Answer(TypedDict):
    """The slice that verify reads."""

    text: str
    kept: list[Passage]
    decision: Decision


class Verdict(TypedDict):
    """The slice that verify writes."""

    citations: list[Citation]


async def verify(state: Answer, runtime: Runtime[Context]) -> Verdict:
    """Return one citation a sentence; small talk states no facts and has none."""
    if state["decision"]["task"] == "smalltalk":
        return {"citations": []}
    return {"citations": await runtime.context.reader.support(state["text"], state["kept"])}
