"""Answers that a person approved, found by the question they were approved for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid5

from langchain_core.embeddings import Embeddings
from qdrant_client import models

from contracts.errors import EmbeddingMismatch
from contracts.state import Recalled
from retrievers.collection import KEYWORD, NAMESPACE, TENANT, Client, of
from retrievers.guard import normalized, same_question

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


class CanonicalAnswers:
    """The approved answers of all tenants; each call names its own."""

    def __init__(
        self, client: Client, name: str, embeddings: Embeddings, embedding_name: str, dimension: int
    ) -> None:
        self._client = client
        self._name = name
        self._embeddings = embeddings
        self._metadata = {"embedding": embedding_name, "dimension": dimension}

    async def ensure(self) -> None:
        """Create the collection or check it; raises EmbeddingMismatch where another model made it."""
        if not await self._client.collection_exists(self._name):
            size = int(self._metadata["dimension"])
            vectors = {QUESTION: models.VectorParams(size=size, distance=models.Distance.COSINE)}
            await self._client.create_collection(self._name, vectors_config=vectors, metadata=self._metadata)
        info = await self._client.get_collection(self._name)
        if (found := info.config.metadata or {}) != self._metadata:
            raise EmbeddingMismatch(
                f"The approved answers in {self._name!r} were indexed with "
                f"{found.get('embedding', 'an unknown model')}, "
                f"but {self._metadata['embedding']} is configured. Configure the first again, "
                "or set SWITCHBOARD_COLLECTION to a new name and approve them anew."
            )
        for field, index in {"tenant": TENANT, "agent": KEYWORD}.items():
            if field not in info.payload_schema:
                await self._client.create_payload_index(self._name, field, field_schema=index)

    async def add_canonical(
        self, tenant: str, agent: str, question: str, answer: str, *, approved_by: str, approved_at: str
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
        }
        vector = await self._embeddings.aembed_query(question)
        point = models.PointStruct(id=id, vector={QUESTION: vector}, payload=payload)
        await self._client.upsert(self._name, [point], wait=True)
        return id

    async def delete_canonical(self, tenant: str, id: str) -> None:
        """Forget the answer; nothing happens where the tenant has none of that id."""
        mine = models.Filter(must=[*of(tenant), models.HasIdCondition(has_id=[id])])
        await self._client.delete(self._name, points_selector=models.FilterSelector(filter=mine), wait=True)

    async def list_canonical(
        self, tenant: str, agent: str | None = None, *, limit: int = 50, after: str | None = None
    ) -> tuple[list[Canonical], str | None]:
        """Return a page in the order of ids, and the cursor of the next or None."""
        records, following = await self._client.scroll(
            self._name, scroll_filter=_mine(tenant, agent), limit=limit, offset=after, with_payload=True
        )
        return [_canonical(record) for record in records], following

    async def find(
        self, tenant: str, agent: str, question: str, vector: Sequence[float] | None = None
    ) -> Recalled | None:
        """Return the approved answer to this question, or None; `vector` spares embedding it again."""
        asked = vector if vector is not None else await self._embeddings.aembed_query(question)
        request = models.QueryRequest(
            query=list(asked),
            using=QUESTION,
            filter=_mine(tenant, agent),
            limit=NEAREST,
            score_threshold=SIMILAR,
            with_payload=True,
        )
        (found,) = await self._client.query_batch_points(self._name, [request])
        for point in found.points:
            if same_question(question, point.payload["question"]):
                return _recalled(_canonical(point), point.score)
        return None


def _mine(tenant: str, agent: str | None) -> models.Filter:
    must: list[Any] = [*of(tenant)]
    if agent is not None:
        must.append(models.FieldCondition(key="agent", match=models.MatchValue(value=agent)))
    return models.Filter(must=must)


def _canonical(point: Any) -> Canonical:
    kept = {key: value for key, value in point.payload.items() if key != "tenant"}
    return Canonical(id=str(point.id), **kept)


def _recalled(canonical: Canonical, score: float) -> Recalled:
    return Recalled(
        kind="canonical",
        text=canonical.answer,
        score=min(1.0, score),
        approved_by=canonical.approved_by,
        approved_at=canonical.approved_at,
        passages=[],
        citations=[],
    )
