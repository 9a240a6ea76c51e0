"""Chunks that are indexed already, with the vectors of another model: no file is read and nothing is parsed again."""

from collections.abc import Sequence

from contracts.documents import Chunk
from contracts.errors import TooLong
from ingest.embed import LEAST, Embedded, Encoder, embed, middle_of, part
from retrievers.renewal import Renewed


def renew(chunks: Sequence[Chunk], encoder: Encoder) -> list[Renewed]:
    """Return each chunk's vectors; one that the model refuses as too long is cut in two until its parts fit.

    Raises TooLong where not even LEAST characters fit.
    """
    try:
        return [_renewed(one) for one in embed([[chunk] for chunk in chunks], encoder)]
    except TooLong:
        if len(chunks) > 1:
            middle = len(chunks) // 2
            return [*renew(chunks[:middle], encoder), *renew(chunks[middle:], encoder)]
        return [_joined(renew(_halves(chunks[0]), encoder))]


def _halves(chunk: Chunk) -> list[Chunk]:
    middle = middle_of(chunk.text)
    if middle is None or len(chunk.text) <= LEAST:
        raise TooLong(
            f"Not even {len(chunk.text)} characters of {chunk.source} fit into the new model's window together with "
            f"their title and headings. Choose a model with a longer one."
        )
    halves = (part(chunk, 0, middle), part(chunk, middle, len(chunk.text)))
    return [half for half in halves if half.text]


def _renewed(one: Embedded) -> Renewed:
    return Renewed(one.chunks, one.dense, one.sparse, one.tokens)


def _joined(parts: Sequence[Renewed]) -> Renewed:
    """Return what the parts of one chunk became as what the chunk became."""
    return Renewed(
        [chunk for one in parts for chunk in one.chunks],
        [row for one in parts for row in one.dense],
        [terms for one in parts for terms in one.sparse],
        [packed for one in parts for packed in one.tokens],
    )
