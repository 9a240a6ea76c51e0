"""Ties each sentence of the answer to the passages that support it, and marks those that nothing supports.

That a passage has a sentence word for word says nothing of whether it answers. So the score is how well the passage
supports it, times how probably it answers when read alone, times how probably the answer as a whole is right.
"""

import asyncio
from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context, Reader
from contracts.state import Citation, Decision, Passage


class Answer(TypedDict):
    """The slice that verify reads."""

    standalone: str
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
    reader, sure = runtime.context.reader, state["decision"]["confidence"]
    known = {passage["id"]: passage for passage in state["kept"]}
    found = await reader.support(state["text"], state["kept"])
    parts = [answers(one, state["standalone"], known, reader) for one in found]
    shares = await asyncio.gather(*parts)
    return {
        "citations": [
            {**one, "score": round(one["score"] * sure * share, 4)}
            for one, share in zip(found, shares, strict=True)
        ]
    }


async def answers(cited: Citation, question: str, known: dict[str, Passage], reader: Reader) -> float:
    """Return the probability that the sentence answers the question, read alone under its passage's headings."""
    if not cited["supported"]:
        return 1.0
    passage = known[cited["passages"][0]]
    return await reader.answerable(question, [{**passage, "text": cited["sentence"]}])
