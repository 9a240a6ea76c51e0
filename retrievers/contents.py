"""What sources are to hold, and the calls in which it is written: a source that fits into one is in one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.documents import Chunk
from retrievers.sparse import SparseVector

BATCH: Final = 128
"""Points in one call: as many as the embedded index takes at once, so that whatever fits is seen as a whole."""
Vectors = NDArray[np.float32] | Sequence[Sequence[float]] | Sequence[NDArray[np.float32]]
"""One row a chunk."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one source is to hold."""

    source: str
    version: str
    chunks: Sequence[Chunk]
    dense: Vectors
    """(n, dimension), a row for each chunk; so have the following."""
    sparse: Sequence[SparseVector]
    tokens: Sequence[str] | None = None
    """Packed token vectors; None where there are none."""
    groups: Sequence[str] | None = None
    """Who may read it; None leaves that to what the chunks say."""


class Stored(NamedTuple):
    """A chunk as the index holds it."""

    chunk: Chunk
    dense: Sequence[float]
    tokens: str
    """Packed token vectors; empty where there are none."""


class Row(NamedTuple):
    """One chunk with all that is written of it."""

    content: Content
    chunk: Chunk
    vector: NDArray[np.float32]
    terms: SparseVector
    tokens: str


def calls_for(contents: Sequence[Content]) -> Iterator[list[Row]]:
    """Yield what goes into each call: whole sources together where they fit, each from its last chunk to its first."""
    call: list[Row] = []
    for content in contents:
        rows = _rows(content)
        if call and len(call) + len(rows) > BATCH:
            yield call
            call = []
        call += rows
        while len(call) > BATCH:
            yield call[:BATCH]
            call = call[BATCH:]
    if call:
        yield call


def _rows(content: Content) -> list[Row]:
    packed = content.tokens or [""] * len(content.chunks)
    dense = np.asarray(content.dense, np.float32)
    rows = zip(content.chunks, dense, content.sparse, packed, strict=True)
    return sorted((Row(content, *row) for row in rows), key=lambda row: -row.chunk.position)


def stored_of(payload: Mapping[str, Any], vector: Sequence[float]) -> Stored:
    """Return the chunk that a point was made from."""
    chunk = Chunk(
        source=payload["source"],
        title=payload["title"],
        text=payload["text"],
        start=payload["start"],
        end=payload["end"],
        headings=tuple(payload["headings"]),
        page=payload["page"],
        position=payload["position"],
    )
    return Stored(chunk, vector, payload.get("tokens", ""))
