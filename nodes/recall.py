"""Looks for an answer that stands already: one that a person approved, or one given to this very question."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Recalled, Turn


class Question(TypedDict):
    """The slice that recall reads."""

    question: str
    turns: list[Turn]


class Found(TypedDict):
    """The slice that recall writes."""

    recalled: Recalled | None


async def recall(state: Question, runtime: Runtime[Context]) -> Found:
    """Return the standing answer, or None. Within a conversation a question may mean something else: no recall."""
    if state["turns"]:
        return {"recalled": None}
    return {"recalled": await runtime.context.memory.recall(state["question"])}
