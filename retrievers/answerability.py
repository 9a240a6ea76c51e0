"""The probability that passages answer a question: a logistic model over signals that can be read.

It is no large model and makes no claim to understand: it asks how much of the question the best passage and
its best sentence cover, by meaning and by word, and what stays uncovered. Left out because they misled: the cosine
of the whole passage (it tells the topic, not the answer) and whether a date, number or name that is asked for is
there (AUROC .53). The weights are fitted by evals/fit_answerability.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retrievers.sentences import Span, split
from retrievers.tokens import TokenVectors

Floats = NDArray[np.float32]

CONTENT: Final = 7.6
"""Bits of rarity from which a token carries content: beyond the 190 most frequent words."""


@dataclass(frozen=True, slots=True)
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

    def between(self, span: Span) -> slice:
        """Return which tokens lie in the span."""
        first, last = np.searchsorted(self.spans[:, 0], span)
        return slice(int(first), int(last))


NAMES: Final = (
    "maxsim", "sentence_maxsim", "weakest", "weak_third", "words", "sentence_words", "sentence_cosine",
)  # fmt: skip


def signals(question: Read, passage: Read) -> Floats:
    """Return the signals named in NAMES, (7,), each about 0..1 and higher where it answers."""
    weights = question.rarity
    near = passage.tokens @ question.tokens.T
    spans = [span for span in passage.sentences() if (part := passage.between(span)).stop > part.start]
    if not len(near) or not near.shape[1] or not spans:
        return np.zeros(len(NAMES), np.float32)
    parts = [passage.between(span) for span in spans]
    whole = near.max(axis=0)
    by_sentence = np.array([np.average(near[part].max(axis=0), weights=weights) for part in parts])
    pooled = np.array([_direction(passage.tokens[part]) @ question.dense for part in parts])
    best = spans[int(by_sentence.argmax())]
    said = passage.text[slice(*best)]
    content = np.sort(whole[weights >= CONTENT] if (weights >= CONTENT).any() else whole)
    return np.array(
        [
            np.average(whole, weights=weights),
            by_sentence.max(),
            content[0],
            content[: -(-len(content) // 3)].mean(),
            coverage(question, passage.text),
            coverage(question, said),
            pooled.max(),
        ],
        np.float32,
    )


def _direction(rows: TokenVectors) -> Floats:
    total = rows.sum(axis=0)
    return total / np.linalg.norm(total)


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


WEIGHTS: Final = np.array([2.83, 3.52, 0.81, 1.66, 0.78, 1.98, 1.91], np.float32)
BIAS: Final = -7.33
"""Fitted to 600 questions of squad_xquad, never to clapnq_dev: AUROC there .895 (.855 to .930)."""


def probability(question: Read, passages: Sequence[Read]) -> float:
    """Return the probability that one of the passages answers the question; 0.0 for no passages."""
    if not passages:
        return 0.0
    logits = [float(signals(question, passage) @ WEIGHTS) + BIAS for passage in passages]
    return float(1 / (1 + np.exp(-max(logits))))
