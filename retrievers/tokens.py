"""A chunk's token vectors, small enough to be kept in its payload: 16 bytes a token, base64.

The first 64 principal directions of a model's token vectors are rotated so that all carry alike, and each
coordinate is kept in 2 bits. The projections were fitted on docstrings (evals/fit_projection.py) and rank like
the 384 float32 numbers (docs/models.md). MiniLM's is here, Granite's is a part of its model (ports/made.py).
A space is a model with its projection: only vectors of one space are compared, and a new projection is a new space.
"""

import base64
import math
from collections.abc import Sequence
from importlib.resources import files
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

TokenVectors = NDArray[np.float32]
"""(n, 384) as the embedder gives them, or (n, 64) projected; float32, rows L2-normalised."""

MINILM: Final = 1
GRANITE: Final = 2
"""The spaces, as the embedder tells them."""
DIMENSIONS: Final = 64
PER_BYTE: Final = 4

LIMIT, INNER, OUTER = (level / math.sqrt(DIMENSIONS) for level in (0.9816, 0.4528, 1.5104))
"""Best four levels for a normal distribution (Max 1960, table I) of the standard deviation 1 / sqrt(64)."""

_LEVELS: Final = np.array([-OUTER, -INNER, INNER, OUTER], np.float32)
_BYTES: Final = _LEVELS[np.array(list(product(range(4), repeat=PER_BYTE)))]
"""(256, 4): the four coordinates that a byte holds, the first in its highest bits."""

_SQUARES: Final = np.square(_BYTES).sum(axis=1)
"""(256,): the squared length of a byte's four coordinates."""


def _projection() -> NDArray[np.float32]:
    with files("retrievers").joinpath("projection.npy").open("rb") as file:
        return np.load(file).astype(np.float32)


_PROJECTION: Final = _projection()


def project(vectors: TokenVectors) -> TokenVectors:
    """Return MiniLM's rows (n, 384) in the 64 dimensions that are kept, L2-normalised; rows of 64 as they are."""
    return vectors if vectors.shape[1] == DIMENSIONS else _unit(vectors @ _PROJECTION)


def pack(vectors: TokenVectors, space: int = MINILM) -> str:
    """Return the token vectors, (n, 384) or (n, 64), as base64 of the space's byte and 16 bytes a token."""
    rows = project(vectors)
    levels = ((rows > -LIMIT).astype(np.uint8) + (rows > 0) + (rows > LIMIT)).reshape(-1, PER_BYTE)
    packed = levels @ np.array([64, 16, 4, 1], np.uint8)
    return base64.b64encode(bytes([space]) + packed.tobytes()).decode()


def unpack(packed: str, space: int = MINILM) -> TokenVectors:
    """Return what was packed as (n, 64); no rows for an empty text or another space."""
    return unpack_all([packed], space)[0]


def unpack_all(packed: Sequence[str], space: int = MINILM) -> list[TokenVectors]:
    """Return each packed text's rows (n, 64), as views of one array."""
    if not packed:
        return []
    raw = [base64.b64decode(text) for text in packed]
    known = [data[1:] if data[:1] == bytes([space]) else b"" for data in raw]
    codes = np.frombuffer(b"".join(known), np.uint8)
    rows = _BYTES.take(codes, axis=0).reshape(-1, DIMENSIONS)
    squares = _SQUARES.take(codes).reshape(-1, DIMENSIONS // PER_BYTE).sum(axis=1)
    rows /= np.sqrt(squares)[:, None]
    ends = np.cumsum([len(data) * PER_BYTE // DIMENSIONS for data in known])
    return np.split(rows, ends[:-1])


def _unit(rows: TokenVectors) -> TokenVectors:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / np.maximum(lengths, 1e-9)[:, None]
