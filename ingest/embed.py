"""Chunks to vectors: dense, sparse and per token. Blocking; runs in a thread, the model with the GIL released."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from contracts.documents import Chunk
from ingest.measure import estimate
from ingest.split import trimmed
from retrievers.sparse import document_vector
from retrievers.tokens import MINILM, pack

BATCH: Final = 64
"""Texts in one call of the embedder: its threads stay busy, and the token vectors stay below 25 MB."""
LONGEST: Final = 254
"""Tokens of MiniLM's window without its two specials, title and heading path included."""
CERTAIN: Final = 185
"""Estimated tokens up to which an ASCII text is taken to be within LONGEST: the estimate is at most a third too low."""
LEAST: Final = 200
"""Characters that are not cut further, however long the title and heading path above them are."""


class Encoder(Protocol):
    """What is used of the embedder (ports/onnx.py)."""

    def encode(self, texts: Sequence[str]) -> Any:
        """Return `dense` (n, d) and `tokens`, one matrix a text or what was packed of it."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return the text's length in tokens, specials left out."""
        ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """Chunks with their vectors, in order."""

    chunks: list[Chunk]
    dense: list[Any]
    sparse: list[Any]
    tokens: list[Any]


def embed(texts: Sequence[list[Chunk]], encoder: Encoder) -> list[Embedded]:
    """Return the vectors of several documents' chunks; short documents share the model's batches."""
    documents = [fitted(chunks, encoder) for chunks in texts]
    flat = [chunk.embedded_text() for chunks in documents for chunk in chunks]
    dense: list[Any] = []
    tokens: list[Any] = []
    for start in range(0, len(flat), BATCH):
        encoded = encoder.encode(flat[start : start + BATCH])
        dense.extend(encoded.dense)
        space = getattr(encoded, "space", MINILM)
        tokens.extend(one if isinstance(one, str) else pack(one, space) for one in encoded.tokens)
    sparse = [document_vector(text) for text in flat]
    found: list[Embedded] = []
    at = 0
    for chunks in documents:
        end = at + len(chunks)
        found.append(Embedded(chunks, dense[at:end], sparse[at:end], tokens[at:end]))
        at = end
    return found


def fitted(chunks: Sequence[Chunk], encoder: Encoder) -> list[Chunk]:
    """Return the chunks, those that are too long for the model cut in two, and numbered anew."""
    kept: list[Chunk] = []
    for chunk in chunks:
        kept.extend(halved(chunk, encoder))
    return [
        chunk if chunk.position == position else replace(chunk, position=position)
        for position, chunk in enumerate(kept)
    ]


def halved(chunk: Chunk, encoder: Encoder) -> list[Chunk]:
    """Return the chunk, or its halves until each fits."""
    text = chunk.embedded_text()
    if text.isascii() and estimate(text) <= CERTAIN:
        return [chunk]
    if len(chunk.text) <= LEAST or encoder.count_tokens(text) <= LONGEST:
        return [chunk]
    middle = middle_of(chunk.text)
    if middle is None:
        return [chunk]
    halves = (part(chunk, 0, middle), part(chunk, middle, len(chunk.text)))
    return [piece for half in halves if half.text for piece in halved(half, encoder)]


def middle_of(text: str) -> int | None:
    """Return the line or word end nearest to the middle, the middle where there is none, None for one character."""
    half = len(text) // 2
    for mark in ("\n", ". ", " "):
        ends = [
            at + len(mark)
            for at in (text.rfind(mark, half // 2, half), text.find(mark, half, half * 3 // 2))
            if at >= 0
        ]
        if ends:
            return min(ends, key=lambda end: abs(end - half))
    return half or None


def part(chunk: Chunk, start: int, end: int) -> Chunk:
    """Return the chunk of a part of another's text."""
    start, end = trimmed(chunk.text, start, end)
    return replace(chunk, text=chunk.text[start:end], start=chunk.start + start, end=chunk.start + end)
