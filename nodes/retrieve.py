"""Finds the passages for the question."""

from typing import Any, NotRequired, TypedDict

from langchain_core.documents import Document
from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Passage, Sought


class Question(TypedDict):
    """The slice that retrieve reads."""

    standalone: str
    sought: NotRequired[list[Sought]]


class Evidence(TypedDict):
    """The slice that retrieve writes."""

    passages: list[Passage]


async def retrieve(state: Question, runtime: Runtime[Context]) -> Evidence:
    """Replace the evidence with the best passages for the question."""
    texts = [(one["text"], one["weight"]) for one in state.get("sought", [])]
    more: dict[str, Any] = {"sought": texts} if texts else {}
    found = await runtime.context.retriever.ainvoke(state["standalone"], **more)
    return {"passages": [to_passage(document) for document in found]}


def to_passage(document: Document) -> Passage:
    """Return a LangChain document as a passage; any retriever's will do, what it does not say is empty."""
    said = document.metadata
    return {
        "id": str(said.get("id") or document.id or ""),
        "source": str(said.get("source", "")),
        "title": str(said.get("title", "")),
        "headings": list(said.get("headings") or []),
        "page": said.get("page"),
        "start": int(said.get("start", 0)),
        "end": int(said.get("end", len(document.page_content))),
        "score": float(said.get("score", 0.0)),
        "text": document.page_content,
        "signals": dict(said.get("signals") or {}),
    }
