"""Questions of other languages in English words, so that BM25 and MaxSim find English passages too.

Each word has its nearest English words, weighted by how near they are; a sentence is not understood, its terms are. A
name that is spelled alike is found without this. What is not spaced is cut where its pieces have the surest meaning.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from retrievers.language import is_stopword, language_of, script_of, spelled
from retrievers.sparse import terms
from retrievers.words import is_unspaced, words_of

LEAST: Final = 0.55
"""The cosine below which an English word says nothing of a word."""
SURE: Final = 0.8
"""The cosine from which on a translation counts as much as a word of the question itself."""
NONE: Final = 0.4
"""The cosine at which it would count nothing."""
SHARP: Final = 0.08
"""Cosine by which a nearer word outweighs another e-fold."""
PIECE: Final = 4
"""Characters of the longest piece of unspaced text."""
LONE: Final = 0.12
"""Cosine by which a piece of one character must be the surer: most have too many meanings."""
LEVEL: Final = 0.45
"""Cosine that two unrelated words have; a piece's worth is counted from there."""


class Translator(Protocol):
    """What knows English words for words of other languages (ports/lexicon.py)."""

    def translations(self, words: Sequence[str]) -> list[list[tuple[str, float]]]:
        """Return English words with their cosines, nearest first, for each word."""
        ...


@dataclass(frozen=True, slots=True)
class Bridged:
    """A question as English words."""

    terms: dict[str, float]
    """Terms with their weights, to be looked for beside the question's own."""
    text: str
    """The nearest English word for each, in the order of the question."""


class Bridge:
    """Brings questions over to English; blocks for some milliseconds, with the GIL released mostly."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def over(self, question: str) -> Bridged | None:
        """Return the question in English words; None where it is English, or has no word that is known."""
        words = words_of(spelled(question))
        language = language_of(words)
        if not is_foreign(words, language):
            return None
        pieces = self._pieces(words, language or "english")
        weights: dict[str, float] = {}
        line: list[str] = []
        for piece, found in zip(pieces, self._translator.translations(pieces), strict=True):
            near = weighted(found) if not piece[0].isdigit() else []
            line.append(near[0][0] if near else piece)
            for word, weight in near:
                for term in terms(word):
                    weights[term] = max(weight, weights.get(term, 0.0))
        return Bridged(weights, " ".join(line)) if weights else None

    def _pieces(self, words: Sequence[str], language: str) -> list[str]:
        """Return the words that say something; unspaced text in pieces."""
        pieces: list[str] = []
        for word in words:
            if is_unspaced(word):
                pieces += self._cut(word)
            elif not is_stopword(word.casefold(), language):
                pieces.append(word)
        return pieces

    def _cut(self, run: str) -> list[str]:
        """Return the run in pieces of up to PIECE characters whose translations are surest together."""
        ends = range(1, len(run) + 1)
        spans = [(start, end) for end in ends for start in range(max(0, end - PIECE), end)]
        found = self._translator.translations([run[start:end] for start, end in spans])
        best, back = [0.0] + [-math.inf] * len(run), [0] * (len(run) + 1)
        for (start, end), near in zip(spans, found, strict=True):
            sure = (near[0][1] if near else 0.0) - LEVEL - (LONE if end - start == 1 else 0.0)
            if (worth := best[start] + sure * (end - start)) > best[end]:
                best[end], back[end] = worth, start
        edges = [len(run)]
        while edges[-1]:
            edges.append(back[edges[-1]])
        return [run[start:end] for start, end in pairwise(edges[::-1])]


def is_foreign(words: Sequence[str], language: str | None) -> bool:
    """Tell whether words are of another language than English; unsure ones are where their letters are."""
    if any(is_unspaced(word) or script_of(word) != "" for word in words):
        return True
    if language is None:
        return any(not word.isascii() for word in words)
    return language != "english"


def weighted(found: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return the translations that are near enough; together they weigh as much as the nearest is sure."""
    near = [(word, cosine) for word, cosine in found if cosine >= LEAST]
    if not near:
        return []
    parts = [math.exp((cosine - near[0][1]) / SHARP) for _, cosine in near]
    whole = min(1.0, (near[0][1] - NONE) / (SURE - NONE)) / sum(parts)
    return [(word, part * whole) for (word, _), part in zip(near, parts, strict=True)]
