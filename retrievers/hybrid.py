"""Finds passages: dense and BM25 lists in one call, fused by rank, then ranked closely by token MaxSim.

Two calls to the index in all: the lists without payload, then the fused candidates with theirs and the scores that
a list did not give. BM25's IDF is counted over the asker's tenant, so no score tells of another tenant's texts.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol, runtime_checkable

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from qdrant_client import models

from retrievers import rerank, tokens
from retrievers.blend import blend, with_tokens
from retrievers.candidates import Candidate, Question
from retrievers.collection import BM25, DENSE, Collection, of, readable
from retrievers.editions import seen
from retrievers.excerpts import excerpts
from retrievers.sparse import query_vector
from retrievers.tokens import MINILM

Mode = Literal["hybrid", "dense", "bm25"]
SHOWN: Final = ["text", "source", "title", "headings", "page", "start", "end"]
RRF_K: Final = 60
"""Source: Cormack, Clarke and Buettcher 2009, Reciprocal Rank Fusion, section 2."""
NEAREST: Final = models.SearchParams(
    hnsw_ef=128, acorn=models.AcornSearchParams(enable=True, max_selectivity=0.9)
)
"""How the graph of dense vectors is searched. Recall@10 at 100,000 chunks .9875 -> .995, and .926 -> .999 where a
filter takes half of them away, which cuts the graph's paths (docs/scale.md).
Source: Patel et al. 2024, ACORN; Qdrant's own parameters."""
HALF: Final = 10.0
"""The BM25 score that is shown as 0.5 where BM25 ranks alone."""


@runtime_checkable
class TokenEncoder(Protocol):
    """An embedder that gives a text's token vectors beside its own."""

    async def aencode(self, texts: Sequence[str]) -> Any:
        """Return `dense` (n, dimension), `tokens` and, where it has them, `weights` of the tokens."""
        ...


class HybridRetriever(BaseRetriever):
    """Retrieves what one asker may read; made for a run, with its tenant bound."""

    collection: Collection
    embeddings: Embeddings
    """The model that the collection was made with; one that gives token vectors as well spares a second look."""
    encoder: Any = None
    """A TokenEncoder for MaxSim where `embeddings` is none; None leaves the ranking to the ranks."""
    tenant: str
    knowledge: tuple[str, ...] = ()
    """Folders or sources that may be read; empty for all."""
    groups: tuple[str, ...] = ()
    """The asker's groups, beside what everyone may read."""
    bridge: Any = None
    """Brings questions of other languages over to English (retrievers/bridge.py); None leaves them as they are."""
    editions: Any = None
    """What is being changed (retrievers.editions.Editions); None where nothing changes while it is read."""
    limit: int = 8
    k: int = 50
    """Length of each list."""
    mode: Mode = "hybrid"
    """`dense` and `bm25` are the parts alone, for the evals."""
    candidates: int = rerank.CANDIDATES
    """How many of both lists are ranked closely."""
    reads: bool = True
    """Whether the candidates' scores rank them; if not, their ranks in the two lists do."""
    weights: rerank.Weights = rerank.WEIGHTS
    distinct: bool = True
    """Whether a text that stands higher up is left out."""
    sought: tuple[tuple[str, float], ...] = ()
    """Texts with their weights that are looked for in place of the query (retrievers/blend.py); empty for the query."""
    characters: int = 0
    """Room for the text, filled with parts of passages (retrievers/excerpts.py); 0 returns whole passages."""

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await self._find(query)

    async def _find(self, query: str) -> list[Document]:
        question = await self._ask(query)

        async def look(hidden: Sequence[str]) -> list[Candidate]:
            allowed = readable(self.tenant, self.knowledge, self.groups, hidden)
            found = await self._lists(question, allowed)
            await self._fill(found, question, allowed)
            return found

        found = await seen(self.editions, self.tenant, look)
        ranked = self._ranked(found, question)
        kept = _distinct(ranked) if self.distinct else ranked
        if self.characters:
            kept = excerpts(kept, query, self.characters)
        return [_document(candidate) for candidate in kept[: self.limit]]

    async def ainvoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Return the passages, best first; only with callbacks or tags by way of LangChain's own (0.1 ms).

        `sought` names weighted texts to look for in place of the input.
        """
        if sought := kwargs.pop("sought", None):
            bound = self.model_copy(update={"sought": tuple(sought)})
            return await bound.ainvoke(input, config, **kwargs)
        if config or kwargs:
            return await super().ainvoke(input, config, **kwargs)
        return await self._find(input)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        raise NotImplementedError("The index is asked without blocking: use `ainvoke`.")

    async def _ask(self, query: str) -> Question:
        if not self.sought:
            return await self._read(query)
        parts = await asyncio.gather(*(self._read(text) for text, _ in self.sought))
        return blend(parts, [weight for _, weight in self.sought])

    async def _read(self, query: str) -> Question:
        question = Question()
        bridged = await asyncio.to_thread(self.bridge.over, query) if self.bridge else None
        if self.mode != "dense":
            ids, values = query_vector(query, bridged.terms if bridged else None)
            question.bm25 = models.SparseVector(indices=ids, values=values) if ids else None
        if self.mode == "bm25":
            return question
        encoder = self.embeddings if isinstance(self.embeddings, TokenEncoder) else self.encoder
        if encoder is not None:
            encoded = await encoder.aencode([query])
            question.tokens, question.dense = encoded.tokens[0], encoded.dense[0].tolist()
            weights = getattr(encoded, "weights", None)
            question.weights = None if weights is None else weights[0]
            if bridged:
                question = with_tokens(question, await encoder.aencode([bridged.text]))
            question.space = getattr(encoded, "space", MINILM)
        if encoder is not self.embeddings:
            question.dense = await self.embeddings.aembed_query(query)
        return question

    async def _lists(self, question: Question, allowed: models.Filter) -> list[Candidate]:
        """Return the candidates of both lists, best first by the sum of reciprocal ranks."""
        by_id: dict[str, Candidate] = {}
        for name, points in await self._query(question, allowed, self.k, {}):
            for rank, point in enumerate(points, 1):
                candidate = by_id.setdefault(str(point.id), Candidate(str(point.id)))
                candidate.rank += 1 / (RRF_K + rank)
                setattr(candidate, name, point.score)
        ranked = sorted(by_id.values(), key=lambda candidate: (-candidate.rank, candidate.id))
        return ranked[: self.candidates if self.mode == "hybrid" else self.k]

    async def _fill(self, found: list[Candidate], question: Question, allowed: models.Filter) -> None:
        """Give the candidates their payload, and the score of the list that missed them."""
        if not found:
            return
        by_id = {candidate.id: candidate for candidate in found}
        these = models.Filter(must=[allowed, models.HasIdCondition(has_id=list[Any](by_id))])
        packed = ["tokens"] if question.tokens is not None and self.mode == "hybrid" else []
        payload = {DENSE if question.dense is not None else BM25: [*SHOWN, "edition", *packed]}
        for name, points in await self._query(question, these, len(found), payload):
            for point in points:
                candidate = by_id[str(point.id)]
                setattr(candidate, name, point.score)
                candidate.payload = candidate.payload or point.payload or {}

    async def _query(
        self, question: Question, allowed: models.Filter, limit: int, payload: Mapping[str, list[str]]
    ) -> list[tuple[str, list[models.ScoredPoint]]]:
        """Return each list that the question has a vector for, by name."""
        asked = [(name, query) for name in (DENSE, BM25) if (query := getattr(question, name)) is not None]
        mine = models.IdfCorpusParams(corpus=models.Filter(must=list[Any](of(self.tenant))))
        params = {DENSE: NEAREST, BM25: models.SearchParams(idf=mine)}
        requests = [
            models.QueryRequest(
                query=query,
                using=name,
                filter=allowed,
                params=params[name],
                limit=limit,
                with_payload=payload.get(name, False),
            )
            for name, query in asked
        ]
        if not requests:
            return []
        responses = await self.collection.client.query_batch_points(self.collection.name, requests)
        return [(name, one.points) for (name, _), one in zip(asked, responses, strict=True)]

    def _ranked(self, found: list[Candidate], question: Question) -> list[Candidate]:
        """Return the candidates best first, with their scores."""
        found = [candidate for candidate in found if candidate.payload]
        _rescale(found, question, "dense")
        close = self.reads and self.mode == "hybrid" and question.tokens is not None
        if close and _read_closely(found, question):
            parts = [[getattr(one, name) for one in found] for name in rerank.Weights._fields]
            dense, bm25, maxsim = (np.array(part, np.float32) for part in parts)
            fused = rerank.fuse(dense, bm25, maxsim, self.weights)
        else:
            fused = [_plain_score(candidate, question, self.mode) for candidate in found]
        for candidate, score in zip(found, fused, strict=True):
            candidate.score = float(min(1.0, max(0.0, score)))
        return sorted(found, key=lambda candidate: (-candidate.score, -candidate.rank, candidate.id))


def _read_closely(found: list[Candidate], question: Question) -> bool:
    """Give each candidate its MaxSim; False where none has token vectors."""
    assert question.tokens is not None
    rows = (
        tokens.unpack_all([str(one.payload.get("tokens") or "") for one in found], question.space)
        if found
        else []
    )
    for candidate, score in zip(found, rerank.scores(question.tokens, rows, question.weights), strict=True):
        candidate.maxsim = float(score)
    _rescale(found, question, "maxsim")
    return any(len(each) for each in rows)


def _rescale(found: list[Candidate], question: Question, name: str) -> None:
    """Bring the scores of one kind onto the scale by which they are judged."""
    if scale := rerank.ALIKE.get(question.space, {}).get(name):
        for candidate in found:
            setattr(candidate, name, scale.slope * getattr(candidate, name) + scale.offset)


def _plain_score(candidate: Candidate, question: Question, mode: Mode) -> float:
    if mode == "dense":
        return candidate.dense
    if mode == "bm25":
        return candidate.bm25 / (candidate.bm25 + HALF)
    lists = (question.dense is not None) + (question.bm25 is not None)
    return candidate.rank * (RRF_K + 1) / lists


def _distinct(ranked: list[Candidate]) -> list[Candidate]:
    """Return the candidates without those whose text came before."""
    first: dict[str, Candidate] = {}
    for candidate in ranked:
        first.setdefault(candidate.payload["text"], candidate)
    return list(first.values())


def _document(candidate: Candidate) -> Document:
    signals = {name: getattr(candidate, name) for name in ("dense", "bm25", "maxsim")}
    metadata: dict[str, Any] = {key: candidate.payload.get(key) for key in SHOWN if key != "text"}
    metadata["id"] = candidate.id
    metadata["score"] = candidate.score
    metadata["signals"] = {name: value for name, value in signals.items() if not np.isnan(value)}
    return Document(id=candidate.id, page_content=candidate.payload["text"], metadata=metadata)
