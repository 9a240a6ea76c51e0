"""How many MiniLM tokens a text has, without the tokenizer: prefix sums over its words.

The workers that split need no model this way. The estimate is checked with the embedder's own tokenizer
before embedding (ingest/embed.py), which cuts the few chunks that are too long after all.
"""

import re
from bisect import bisect_left
from itertools import accumulate
from typing import Final

WORD: Final = re.compile(r"[a-zA-ZÀ-ɏ]+|\d+|[^\W\d_a-zA-ZÀ-ɏ]|[^\w\s]|_")
PER_LETTER: Final = tuple(
    1.04 if n <= 5 else 1.1 + 0.08 * (n - 6) if n <= 11 else 2.6 + 0.5 * (n - 12) for n in range(60)
)
"""Tokens of an English word by its letters, fitted to prose; `identifiersInCode` are cut where case changes."""
PER_DIGIT: Final = (0.0, 1.0, 1.0, 1.1, 1.9)
PER_SYLLABLE: Final = 2.4
"""Tokens of a Hangul syllable, which the tokenizer takes apart into letters."""
HUMP: Final = re.compile(r"[A-Z]?[a-zÀ-ɏ]+|[A-Z]+")


def tokens_of(word: str) -> float:
    """Return the tokens of one match of WORD."""
    size = len(word)
    if size == 1:
        return PER_SYLLABLE if "가" <= word <= "힣" else 1.0
    if word[0].isdigit():
        return PER_DIGIT[size] if size < 5 else 0.75 * size
    if size > 12 or not (word.islower() or word.istitle()):
        parts = HUMP.findall(word)
        return sum(PER_LETTER[min(len(part), 59)] for part in parts)
    return PER_LETTER[size]


class Ruler:
    """Measures any part of one text."""

    def __init__(self, text: str, start: int, end: int) -> None:
        words = [(found.start(), tokens_of(found[0])) for found in WORD.finditer(text, start, end)]
        self._starts = [at for at, _ in words]
        self._sums = list(accumulate((tokens for _, tokens in words), initial=0.0))

    def tokens(self, start: int, end: int) -> float:
        """Return the estimate for the words that begin in the part."""
        return self._sums[bisect_left(self._starts, end)] - self._sums[bisect_left(self._starts, start)]


def estimate(text: str) -> float:
    """Return the estimate for a whole text."""
    return sum(tokens_of(word) for word in WORD.findall(text))
