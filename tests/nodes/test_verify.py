"""The score of a citation says whether the sentence answers, not only whether it stands in the passage."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from contracts.state import Citation, Passage
from nodes.verify import verify

PASSAGE: Passage = {
    "id": "p1", "source": "a.md", "title": "Leave", "headings": ["Days"], "page": None, "start": 0, "end": 9,
    "score": 0.7, "text": "Ada has 26 days. Lunch is at noon.", "signals": {},
}  # fmt: skip


class Reading:
    """Supports each sentence, the last one by nothing; only the first answers."""

    def __init__(self) -> None:
        self.read: list[tuple[str, str]] = []

    async def support(self, text: str, passages: Sequence[Passage]) -> list[Citation]:
        first, second, third = (f"{part.strip()}." for part in text.split(".")[:3])
        held = [passages[0]["id"]]
        return [
            {"sentence": first, "passages": held, "supported": True, "score": 1.0},
            {"sentence": second, "passages": held, "supported": True, "score": 1.0},
            {"sentence": third, "passages": [], "supported": False, "score": 0.2},
        ]

    async def answerable(self, question: str, passages: Sequence[Passage]) -> float:
        (passage,) = passages
        self.read.append((question, passage["text"]))
        return 0.9 if "26" in passage["text"] else 0.1


def state(task: str) -> Any:
    decision = {"path": "auto_answer", "confidence": 0.8, "intent": "question", "task": task, "reason": ""}
    text = "Ada has 26 days. Lunch is at noon. Whales sing."
    return {"standalone": "How many days?", "text": text, "kept": [PASSAGE], "decision": decision}


async def test_a_sentence_that_answers_scores_above_one_that_only_stands_there() -> None:
    reader = Reading()
    runtime: Any = SimpleNamespace(context=SimpleNamespace(reader=reader))
    found = (await verify(state("answer"), runtime))["citations"]
    assert [(one["supported"], one["score"]) for one in found] == [(True, 0.72), (True, 0.08), (False, 0.16)]
    assert reader.read == [("How many days?", "Ada has 26 days."), ("How many days?", "Lunch is at noon.")]


async def test_small_talk_has_no_citations() -> None:
    runtime: Any = SimpleNamespace(context=SimpleNamespace(reader=Reading()))
    assert await verify(state("smalltalk"), runtime) == {"citations": []}
