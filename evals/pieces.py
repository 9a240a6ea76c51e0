"""The pieces of retrieval that `switchboard eval ablate` leaves out, changes or adds, one at a time.

A piece that works when a question is asked is a change of the retriever, over one index of the whole corpus. One that
works when a document is indexed is a change of the ingest's functions, over indexes of a part of the corpus.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from contracts.documents import Chunk
from evals.indexing import Ingest
from retrievers import sparse
from retrievers.hybrid import HybridRetriever
from retrievers.rerank import Weights

Asking = Callable[[HybridRetriever], HybridRetriever]
Indexing = Callable[[Ingest], Ingest]


@dataclass(frozen=True, slots=True)
class Piece:
    """One change to what ships."""

    name: str
    change: str
    """What is done to the piece, such as `left out`."""
    asking: Asking | None = None
    indexing: Indexing | None = None
    """One of the two is given."""


def asked_with(**fields: Any) -> Asking:
    """Return the change of some of the retriever's fields."""
    return lambda retriever: retriever.model_copy(update=fields)


def weighted(dense: float, bm25: float, maxsim: float) -> Asking:
    """Return the change of the weights in the ranking."""
    return asked_with(weights=Weights(dense, bm25, maxsim))


def untitled(ingest: Ingest) -> Ingest:
    """Return an ingest whose vectors do not know title and headings."""

    def embed(texts: Sequence[list[Chunk]], encoder: Any) -> Sequence[Any]:
        bare = [[replace(chunk, title="", headings=()) for chunk in chunks] for chunks in texts]
        return ingest.embed(bare, encoder)

    return replace(ingest, embed=embed)


def whole(ingest: Ingest) -> Ingest:
    """Return an ingest that cuts a document only where the embedder must: one chunk, halved until it fits."""
    return replace(ingest, split=lambda document: _uncut(document, ingest))


def _uncut(document: Any, ingest: Ingest) -> list[Chunk]:
    chunks = ingest.split(document)
    if len(chunks) < 2:
        return chunks
    end = chunks[-1].end
    return [replace(chunks[0], text=document.text[chunks[0].start : end], end=end)]


def flat(ingest: Ingest) -> Ingest:
    """Return an ingest whose terms all count the same length: BM25 without its length."""

    def embed(texts: Sequence[list[Chunk]], encoder: Any) -> Sequence[Any]:
        found = ingest.embed(texts, encoder)
        return [replace(one, sparse=[_binary(vector) for vector in one.sparse]) for one in found]

    return replace(ingest, embed=embed)


def _binary(vector: sparse.SparseVector) -> sparse.SparseVector:
    return vector[0], [1.0] * len(vector[0])


PIECES: Final[tuple[Piece, ...]] = (
    Piece("dense", "left out: BM25 alone", asking=asked_with(mode="bm25")),
    Piece("BM25", "left out: dense alone", asking=asked_with(mode="dense")),
    Piece("MaxSim", "left out", asking=weighted(1, 1, 0)),
    Piece("dense in the ranking", "left out, still a list of candidates", asking=weighted(0, 1, 1)),
    Piece("BM25 in the ranking", "left out, still a list of candidates", asking=weighted(1, 0, 1)),
    Piece("z-scores", "ranks in their place (RRF of both lists)", asking=asked_with(reads=False)),
    Piece("weights, all alike", "dense half of the others", asking=weighted(0.5, 1, 1)),
    Piece("60 candidates", "20", asking=asked_with(candidates=20)),
    Piece("60 candidates", "100", asking=asked_with(candidates=100, k=80)),
    Piece("one passage of the same text", "left out: all of them", asking=asked_with(distinct=False)),
    Piece("title and headings in the vectors", "left out", indexing=untitled),
    Piece("chunks of 200 tokens", "as long as the embedder reads", indexing=whole),
    Piece("BM25's frequency and length", "left out: is the word there", indexing=flat),
)
"""What ships against each of these, on folders with corpus, queries and judgements."""
