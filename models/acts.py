"""Which act of small talk a message is: by its meaning, and by its letters where words are misspelt."""

import difflib
import re
from typing import Final

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from models.replies import ACTS, UNSURE, Act

SPELLING: Final = 0.5
"""What common letter pairs count beside the cosine."""
STRANGE: Final = 0.45
"""Likeness with the nearest cue below which nothing is known to fit."""
MISSPELT: Final = 0.8
"""Likeness (difflib) from which a word is taken for one of the cues', misspelt."""

_ROWS: Final = [(act, n) for act in ACTS for n in range(len(act.cues))]
_WORDS: Final = sorted({word for act, n in _ROWS for word in re.findall(r"\w{4,}", act.cues[n].lower())})
_KNOWN: Final = frozenset(_WORDS)


class Acts:
    """Finds the nearest cue. Safe to share between runs."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._cues: NDArray[np.float32] | None = None

    async def nearest(self, said: str) -> tuple[Act, int]:
        """Return the act and the number of the cue most like what was said; UNSURE where none is."""
        alike = await self._likeness(said)
        if (mended := mend(said)) != said.lower():
            alike = np.maximum(alike, await self._likeness(mended))
        best = int(alike.argmax())
        return _ROWS[best] if alike[best] >= STRANGE else (UNSURE, 0)

    async def likeness(self, said: str) -> float:
        """Return how like the nearest cue it is: 1.5 for the cue itself, at most 0.9 for 300 questions of fact."""
        return float((await self._likeness(said)).max())

    async def _likeness(self, said: str) -> NDArray[np.float32]:
        if self._cues is None:
            rows = await self._embeddings.aembed_documents([act.cues[n] for act, n in _ROWS])
            self._cues = np.asarray(rows, np.float32)
        vector = np.asarray(await self._embeddings.aembed_query(said), np.float32)
        return (self._cues @ vector + SPELLING * spelled_like(said)).astype(np.float32)


def mend(said: str) -> str:
    """Return the message in small letters, each misspelt word of a cue as the cue spells it."""
    return re.sub(r"[^\W\d_]{4,}", lambda word: _mended(word[0]), said.lower())


def _mended(word: str) -> str:
    if word in _KNOWN:
        return word
    near = difflib.get_close_matches(word, _WORDS, 1, MISSPELT)
    return near[0] if near and near[0][0] == word[0] and abs(len(near[0]) - len(word)) <= 1 else word


def spelled_like(said: str) -> NDArray[np.float32]:
    """Return for each cue the share of letter pairs in common, 0..1 (Dice 1945)."""
    pairs = _pairs(said)
    return np.array([2 * len(pairs & own) / (len(pairs) + len(own) or 1) for own in _PAIRS], np.float32)


def _pairs(text: str) -> frozenset[str]:
    letters = " ".join(["", *re.findall(r"\w+", text.lower()), ""])
    return frozenset(letters[n : n + 2] for n in range(len(letters) - 1))


_PAIRS: Final = [_pairs(act.cues[n]) for act, n in _ROWS]
