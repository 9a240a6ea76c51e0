"""English words for words of other languages, told by the multilingual embedder: no dictionary is needed.

The embedder was trained to give a sentence and its translation the same vector, and a word is a short sentence. So a
word's translations are the English words nearest to it. The English words are those of MiniLM's vocabulary, the most
frequent ones of English books, embedded once (7 s) and kept beside the other made models.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ports import weights
from ports.multilingual import DIMENSION, Multilingual

FIRST: Final = 1996
"""The id of "the": what stands before it in MiniLM's vocabulary are signs and single characters."""
RECIPE: Final = 1
"""Raise it when what is made changes."""
KEPT: Final = 20_000
"""Words whose translations are remembered, the most recent ones."""

Translations = list[tuple[str, float]]
"""English words with their cosines, nearest first."""


class Lexicon:
    """Translates words one by one; safe to share between threads."""

    def __init__(self, folder: Path, encoder: Multilingual, passed_over: Callable[[str], bool]) -> None:
        self._folder = folder
        self._encoder = encoder
        self._passed_over = passed_over
        self._recent: OrderedDict[str, Translations] = OrderedDict()
        self._lock = Lock()

    def translations(self, words: Sequence[str], most: int = 5) -> list[Translations]:
        """Return the `most` nearest English words of each word; the same words cost nothing the second time."""
        with self._lock:
            found = {word: self._recent[word] for word in words if word in self._recent}
        new = [word for word in dict.fromkeys(words) if word not in found]
        if new:
            found |= dict(zip(new, self._nearest(new, most), strict=True))
        with self._lock:
            for word in words:
                self._recent[word] = found[word]
                self._recent.move_to_end(word)
            while len(self._recent) > KEPT:
                self._recent.popitem(last=False)
        return [found[word] for word in words]

    def _nearest(self, words: Sequence[str], most: int) -> list[Translations]:
        english, vectors = self._english
        near = self._encoder.encode(words) @ vectors.T
        top = np.argpartition(-near, most, axis=1)[:, :most]
        return [
            sorted(((english[at], float(row[at])) for at in best), key=lambda pair: -pair[1])
            for row, best in zip(near, top, strict=True)
        ]

    @cached_property
    def _english(self) -> tuple[list[str], NDArray[np.float32]]:
        """Return the English words with their vectors, made where they are missing or of another recipe."""
        vocabulary = json.loads(weights.require(weights.TOKENIZER, self._folder).read_bytes())["model"][
            "vocab"
        ]
        words = chosen(vocabulary, self._passed_over)
        stamp = f"{weights.USE_WEIGHTS.sha256[:8]}-{weights.TOKENIZER.sha256[:8]}-{len(words)}-r{RECIPE}"
        path = self._folder / f"lexicon-{stamp}.f16"
        with weights.locked(self._folder, "lexicon"):
            if not path.exists() or path.stat().st_size != 2 * DIMENSION * len(words):
                weights.replace(path, self._encoder.encode(words).astype(np.float16).tobytes())
        rows = np.fromfile(path, np.float16).reshape(-1, DIMENSION).astype(np.float32)
        return words, rows / np.linalg.norm(rows, axis=1, keepdims=True)


def chosen(vocabulary: dict[str, Any], passed_over: Callable[[str], bool]) -> list[str]:
    """Return the vocabulary's whole words by falling frequency, without those that say nothing alone."""
    ranked = sorted(vocabulary.items(), key=lambda pair: int(pair[1]))
    return [
        word
        for word, number in ranked
        if number >= FIRST and len(word) > 2 and word.isascii() and word.isalpha() and not passed_over(word)
    ]
