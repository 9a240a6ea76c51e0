"""Answers that a person approved, found by the question they were approved for."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid5

from langchain_core.embeddings import Embeddings
from qdrant_client import models

from contracts.errors import EmbeddingMismatch
from contracts.state import Recalled
from retrievers.collection import KEYWORD, NAMESPACE, TENANT, Client, of
from retrievers.guard import normalized, same_question

PAGE: Final = 1000
"""Answers whose dates are read in one call."""

SIMILAR: Final = 0.8
"""Least cosine of two questions that the guard then compares word by word."""
NEAREST: Final = 5
QUESTION: Final = "question"


@dataclass(frozen=True, slots=True)
class Canonical:
    """An approved answer."""

    id: str
    agent: str
    question: str
    answer: str
    approved_by: str
    approved_at: str
    """ISO 8601."""
    sources: tuple[str, ...] = ()
    """The documents that it was written from: who may not read all of them is not given it."""


Readable = Callable[[Sequence[str]], Awaitable[set[str]]]
"""Return those of the sources that the asker may read."""

Place = tuple[str, str]
"""Where an answer stands in a list: when it was approved, and its id."""


class CanonicalAnswers:
    """The approved answers of all tenants; each call names its own."""

    def __init__(
        self, client: Client, name: str, embeddings: Embeddings, embedding_name: str, dimension: int
    ) -> None:
        self._client = client
        self.name = name
        self._embeddings = embeddings
        self._metadata = {"embedding": embedding_name, "dimension": dimension}

    async def ensure(self) -> None:
        """Create the collection or check it; raises EmbeddingMismatch where another model made it."""
        if not await self._client.collection_exists(self.name):
            size = int(self._metadata["dimension"])
            vectors = {QUESTION: models.VectorParams(size=size, distance=models.Distance.COSINE)}
            await self._client.create_collection(self.name, vectors_config=vectors, metadata=self._metadata)
        info = await self._client.get_collection(self.name)
        if (found := info.config.metadata or {}) != self._metadata:
            raise EmbeddingMismatch(
                f"The approved answers in {self.name!r} were indexed with "
                f"{found.get('embedding', 'an unknown model')}, "
                f"but {self._metadata['embedding']} is asked for. "
                "Run `switchboard reembed`, which indexes them again with the configured model."
            )
        for field, index in {"tenant": TENANT, "agent": KEYWORD, "sources": KEYWORD}.items():
            if field not in info.payload_schema:
                await self._client.create_payload_index(self.name, field, field_schema=index)

    async def add_canonical(
        self,
        tenant: str,
        agent: str,
        question: str,
        answer: str,
        *,
        approved_by: str,
        approved_at: str,
        sources: Sequence[str] = (),
    ) -> str:
        """Keep the answer and return its id; one for the same question is replaced."""
        id = str(uuid5(NAMESPACE, "\0".join((tenant, agent, normalized(question)))))
        payload = {
            "tenant": tenant,
            "agent": agent,
            "question": question,
            "answer": answer,
            "approved_by": approved_by,
            "approved_at": approved_at,
            "sources": sorted(set(sources)),
        }
        vector = await self._embeddings.aembed_query(question)
        point = models.PointStruct(id=id, vector={QUESTION: vector}, payload=payload)
        await self._client.upsert(self.name, [point], wait=True)
        return id

    async def delete_canonical(self, tenant: str, id: str) -> bool:
        """Forget the answer; False where the tenant has none of that id."""
        mine = models.Filter(must=[*of(tenant), models.HasIdCondition(has_id=[id])])
        if (await self._client.count(self.name, count_filter=mine)).count == 0:
            return False
        await self._client.delete(self.name, points_selector=models.FilterSelector(filter=mine), wait=True)
        return True

    async def withdraw(self, tenant: str, sources: Sequence[str]) -> None:
        """Forget the answers that were written from one of these documents."""
        theirs = models.FieldCondition(key="sources", match=models.MatchAny(any=list(sources)))
        these = models.Filter(must=[*of(tenant), theirs])
        await self._client.delete(self.name, points_selector=models.FilterSelector(filter=these), wait=True)

    async def list_canonical(
        self, tenant: str, agent: str | None = None, *, limit: int = 50, after: Place | None = None
    ) -> tuple[list[Canonical], Place | None]:
        """Return a page, the newest first, and the place after which the next begins, or None.

        The dates of all answers are sorted for each page: people approve hundreds of them, not millions.
        """
        places = sorted(await self._places(tenant, agent), reverse=True)
        left = [place for place in places if after is None or place < after]
        found = await self._client.retrieve(self.name, ids=[id for _, id in left[:limit]], with_payload=True)
        shown = sorted((_canonical(record) for record in found), key=_place, reverse=True)
        return shown, left[limit - 1] if len(left) > limit else None

    async def _places(self, tenant: str, agent: str | None) -> list[Place]:
        places: list[Place] = []
        offset = None
        while True:
            records, offset = await self._client.scroll(
                self.name,
                scroll_filter=_mine(tenant, agent),
                limit=PAGE,
                offset=offset,
                with_payload=["approved_at"],
            )
            places += [(record.payload["approved_at"], str(record.id)) for record in records]
            if offset is None:
                return places

    async def find(
        self,
        tenant: str,
        agent: str,
        question: str,
        vector: Sequence[float] | None = None,
        *,
        readable: Readable | None = None,
    ) -> Recalled | None:
        """Return the approved answer to this question, or None; `vector` spares embedding it again.

        `readable` says which of an answer's sources the asker may read; without it an answer that has some is nobody's.
        """
        asked = vector if vector is not None else await self._embeddings.aembed_query(question)
        request = models.QueryRequest(
            query=list(asked),
            using=QUESTION,
            filter=_mine(tenant, agent),
            limit=NEAREST,
            score_threshold=SIMILAR,
            with_payload=True,
        )
        (found,) = await self._client.query_batch_points(self.name, [request])
        for point in found.points:
            if same_question(question, point.payload["question"]):
                sources = point.payload.get("sources") or []
                if sources and (readable is None or set(sources) - await readable(sources)):
                    continue
                return _recalled(_canonical(point), point.score)
        return None


def _mine(tenant: str, agent: str | None) -> models.Filter:
    must: list[Any] = [*of(tenant)]
    if agent is not None:
        must.append(models.FieldCondition(key="agent", match=models.MatchValue(value=agent)))
    return models.Filter(must=must)


def _canonical(point: Any) -> Canonical:
    kept = {key: value for key, value in point.payload.items() if key not in ("tenant", "sources")}
    return Canonical(id=str(point.id), **kept, sources=tuple(point.payload.get("sources") or ()))


def _place(canonical: Canonical) -> Place:
    return canonical.approved_at, canonical.id


def _recalled(canonical: Canonical, score: float) -> Recalled:
    return Recalled(
        kind="canonical",
        text=canonical.answer,
        score=min(1.0, score),
        approved_by=canonical.approved_by,
        approved_at=canonical.approved_at,
        passages=[],
        citations=[],
        rests_on=list(canonical.sources),
    )
