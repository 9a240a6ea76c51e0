"""A question to the handbook with what the graph came to, and what of it is right."""

from dataclasses import dataclass
from typing import Final

from contracts.state import Passage
from evals.cases import Asked

ANSWERED: Final = frozenset({"auto_answer", "canonical"})
KINDS: Final = {"a": "answerable", "u": "unanswerable", "f": "follow-up", "w": "way"}


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and what the graph came to."""

    asked: Asked
    path: str
    confidence: float
    text: str
    would: str
    """What the answer is, or would have been had the bar been 0; "" where nothing was looked up."""
    cited: list[str]
    """Sources of the passages that support a sentence, in order."""
    passages: list[Passage]
    took_ms: float

    @property
    def kind(self) -> str:
        """Return answerable, unanswerable, follow-up or way."""
        if self.asked.ways:
            return KINDS["w"]
        if self.asked.history:
            return KINDS["f"]
        return KINDS["a"] if self.asked.answerable else KINDS["u"]

    @property
    def answered(self) -> bool:
        return self.path in ANSWERED

    @property
    def contains(self) -> bool:
        """Tell whether the answer has every string that a right one has, white space aside."""
        return self.answered and self.holds(self.text)

    @property
    def right(self) -> bool:
        """Tell whether what is, or would be, answered is right; never for a question without an answer."""
        return self.asked.answerable and self.holds(self.would)

    @property
    def wrong(self) -> bool:
        """Tell whether an answer was given that is not right."""
        return self.answered and not (self.asked.answerable and self.contains)

    def holds(self, text: str) -> bool:
        return all(flat(one) in flat(text) for one in self.asked.contains)

    @property
    def source_cited(self) -> bool:
        return self.answered and self.asked.source in {name_of(source) for source in self.cited}

    @property
    def source_found(self) -> bool:
        return self.asked.source in {name_of(passage["source"]) for passage in self.passages}


def name_of(source: str) -> str:
    """Return the file's name."""
    return source.rpartition("/")[2]


def flat(text: str) -> str:
    """Return the text with single spaces, in lower case."""
    return " ".join(text.lower().split())
