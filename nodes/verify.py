"""Ties each sentence of the answer to the passages that support it, and marks those that nothing supports.

That a passage has a sentence word for word says nothing of whether it answers. So the score is how well the passage
supports it, times how probably it answers when read alone, times how probably the answer as a whole is right.
"""

import asyncio
from typing import NotRequired, TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context, Reader
from contracts.state import Citation, Decision, Draft, Passage


class Answer(TypedDict):
    """The slice that verify reads."""

    standalone: str
    text: NotRequired[str]
    draft: NotRequired[Draft]
    """Instead of the text, where a person looks at it first."""
    kept: list[Passage]
    decision: Decision


class Verdict(TypedDict):
    """The slice that verify writes."""

    citations: NotRequired[list[Citation]]
    draft: NotRequired[Draft]


async def verify(state: Answer, runtime: Runtime[Context]) -> Verdict:
    """Return one citation a sentence; small talk states no facts and has none. Those of a draft stay with it."""
    if state["decision"]["task"] == "smalltalk":
        return {"citations": []}
    draft = state.get("draft")
    text = draft["text"] if draft else state.get("text", "")
    found = await citations_for(
        text, state["standalone"], state["kept"], state["decision"], runtime.context.reader
    )
    return {"draft": {"text": text, "citations": found}} if draft else {"citations": found}


async def citations_for(
    text: str, question: str, kept: list[Passage], decision: Decision, reader: Reader
) -> list[Citation]:
    """Return one citation a sentence of the text, in its order."""
    known = {passage["id"]: passage for passage in kept}
    found = await reader.support(text, kept)
    parts = [answers(one, question, known, reader) for one in found]
    sure, shares = decision["confidence"], await asyncio.gather(*parts)
    return [
        {**one, "score": round(one["score"] * sure * share, 4)}
        for one, share in zip(found, shares, strict=True)
    ]


async def answers(cited: Citation, question: str, known: dict[str, Passage], reader: Reader) -> float:
    """Return the probability that the sentence answers the question, read alone under its passage's headings."""
    if not cited["supported"]:
        return 1.0
    passage = known[cited["passages"][0]]
    return await reader.answerable(question, [{**passage, "text": cited["sentence"]}])
