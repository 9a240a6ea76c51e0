"""A text as the embedder read it, and how much of a question its words cover."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retrievers.claims import Said, denies, to_said
from retrievers.sentences import Span, split
from retrievers.tokens import TokenVectors

Floats = NDArray[np.float32]

CONTENT: Final = 7.6
"""Bits of rarity from which a token carries content: beyond the 190 most frequent words."""


@dataclass(frozen=True)
class Read:
    """A text as the embedder read it."""

    text: str
    dense: Floats
    """(384,), L2-normalised."""
    tokens: TokenVectors
    spans: NDArray[np.int32]
    """(n, 2): each token's characters in `text`."""
    rarity: Floats
    """(n,): each token's bits."""
    start: int = 0
    """Where the passage begins, after its title and headings."""

    def sentences(self) -> list[Span]:
        """Return the spans of the passage's own sentences in `text`."""
        return [(self.start + first, self.start + last) for first, last in split(self.text[self.start :])]

    @cached_property
    def said(self) -> Said:
        """What claims are held against."""
        return to_said(self.text, self.start)

    @cached_property
    def parts(self) -> tuple[list[Span], NDArray[np.intp]]:
        """The spans of the sentences that have tokens, and where each one's tokens begin and end, for `reduceat`."""
        found = [(span, self.between(span)) for span in self.sentences()]
        held = [(span, part) for span, part in found if part.stop > part.start]
        return [span for span, _ in held], np.array(
            [edge for _, p in held for edge in (p.start, p.stop)], np.intp
        )

    @cached_property
    def denials(self) -> list[bool]:
        """Whether each of the sentences of `parts` denies something."""
        return [denies(self.text[slice(*span)]) for span in self.parts[0]]

    def between(self, span: Span) -> slice:
        """Return which tokens lie in the span."""
        first, last = np.searchsorted(self.spans[:, 0], span)
        return slice(int(first), int(last))


def coverage(question: Read, text: str) -> float:
    """Return the share, by rarity, of the question's words that the text has, endings aside."""
    known = {stem(word) for word in re.findall(r"\w+", text.lower())}
    bits: dict[str, float] = {}
    for (first, last), weight in zip(question.spans.tolist(), question.rarity.tolist(), strict=True):
        if weight >= CONTENT:
            word = _whole_word(question.text, first, last)
            bits[word] = max(weight, bits.get(word, 0.0))
    total = sum(bits.values())
    return sum(weight for word, weight in bits.items() if stem(word) in known) / total if total else 0.0


def _whole_word(text: str, first: int, last: int) -> str:
    while first > 0 and text[first - 1].isalnum():
        first -= 1
    while last < len(text) and text[last].isalnum():
        last += 1
    return text[first:last].lower()


def stem(word: str) -> str:
    """Return the word without the commonest English endings; rough, but alike on both sides."""
    for ending in ("ing", "edly", "ed", "ies", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
