"""The index's schema and everything that is written to it. Every call names its tenant; there is none without.

A source's chunks are written from the last to the first, so a first chunk that is there says that all are:
a write that was cut off is seen as such and done again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Collection as Any_Of
from typing import Any, Final, Protocol
from uuid import UUID, uuid5

from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from contracts.documents import Chunk, edition_of
from contracts.errors import EmbeddingMismatch
from retrievers.contents import Content, Row, Stored, Vectors, calls_for, stored_of
from retrievers.sparse import SCHEME, SparseVector

DENSE: Final = "dense"
BM25: Final = "bm25"
EVERYONE: Final = "*"
"""Stands in `groups` for a document that everyone in the tenant may read."""
NAMESPACE: Final = UUID("6f1c1f0e-5b7c-5c3b-9d53-2b8d3f7f1a10")
CONFLICT: Final = 409

KEYWORD: Final = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, enable_hnsw=False)
TENANT: Final = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
INDEXES: Final[Mapping[str, Any]] = {
    "tenant": TENANT,
    "source": KEYWORD,
    "prefixes": KEYWORD,
    "document": KEYWORD,
    "edition": KEYWORD,
    "groups": KEYWORD,
    "position": models.PayloadSchemaType.INTEGER,
}


class Client(Protocol):
    """AsyncQdrantClient, or the embedded index that serves its calls."""

    upsert: Any
    delete: Any
    scroll: Any
    count: Any
    query_batch_points: Any
    retrieve: Any
    collection_exists: Any
    get_collection: Any
    create_collection: Any
    delete_collection: Any
    create_payload_index: Any
    set_payload: Any


class Collection:
    """One index, made with one embedding model."""

    def __init__(self, client: Client, name: str, embedding_name: str, dimension: int) -> None:
        self.client = client
        self.name = name
        self.embedding_name = embedding_name
        self.dimension = dimension
        self.scheme = SCHEME
        """How the words of the stored passages were read (retrievers/sparse.py); known once it is ensured."""

    async def ensure(self) -> None:
        """Create the collection or check it; raises EmbeddingMismatch where another model made it."""
        if not await self.client.collection_exists(self.name):
            await self._create()
        info = await self.client.get_collection(self.name)
        metadata = info.config.metadata or {}
        self._require_model(metadata)
        self.scheme = int(metadata.get("sparse") or 1)
        for field in INDEXES.keys() - info.payload_schema.keys():
            await self.client.create_payload_index(self.name, field, field_schema=INDEXES[field])

    async def _create(self) -> None:
        dense = models.VectorParams(size=self.dimension, distance=models.Distance.COSINE)
        try:
            await self.client.create_collection(
                self.name,
                vectors_config={DENSE: dense},
                sparse_vectors_config={BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                metadata={
                    "embedding": self.embedding_name,
                    "dimension": self.dimension,
                    "sparse": SCHEME,
                },
            )
        except UnexpectedResponse as error:
            if error.status_code != CONFLICT:
                raise

    def _require_model(self, metadata: Mapping[str, Any]) -> None:
        found = (metadata.get("embedding"), metadata.get("dimension"))
        if found != (self.embedding_name, self.dimension):
            raise EmbeddingMismatch(
                f"The index {self.name!r} was made with {found[0] or 'an unknown model'} "
                f"({found[1] or '?'} dimensions), but {self.embedding_name} ({self.dimension} dimensions) is "
                "asked for. Run `switchboard reembed`, which makes a new index with the configured model from the "
                "stored text and switches to it."
            )

    async def replace(
        self,
        tenant: str,
        source: str,
        version: str,
        chunks: Sequence[Chunk],
        dense: Vectors,
        sparse: Sequence[SparseVector],
        tokens: Sequence[str] | None = None,
    ) -> None:
        """Write one source's chunks, as `replace_all` does."""
        await self.replace_all(tenant, [Content(source, version, chunks, dense, sparse, tokens)])

    async def replace_all(self, tenant: str, contents: Sequence[Content], keep: Any_Of[str] = ()) -> None:
        """Write the sources' chunks, then remove whatever else they had but the editions to `keep`.

        A source of at most BATCH chunks is written in one call with others, a longer one in calls of its own.
        """
        ids: list[str] = []
        for call in calls_for(contents):
            points = await asyncio.to_thread(_points, tenant, call)
            await self.client.upsert(self.name, points, wait=True)
            ids += [str(point.id) for point in points]
        await self._delete(tenant, [content.source for content in contents], ids, list(keep))

    async def delete(self, tenant: str, source: str) -> None:
        """Remove the source's chunks; nothing happens where there are none."""
        await self._delete(tenant, [source], [], [])

    async def _delete(
        self, tenant: str, sources: Sequence[str], ids: Sequence[str], keep: Sequence[str]
    ) -> None:
        but: list[Any] = [models.HasIdCondition(has_id=list(ids))] if ids else []
        but += [any_of("edition", keep)] if keep else []
        rest = models.Filter(must=[*of(tenant), any_of("source", sources)], must_not=but or None)
        await self.client.delete(self.name, points_selector=models.FilterSelector(filter=rest), wait=True)

    async def remove(self, tenant: str, editions: Sequence[str]) -> None:
        """Remove the chunks of these editions."""
        these = models.Filter(must=[*of(tenant), any_of("edition", editions)])
        await self.client.delete(self.name, points_selector=models.FilterSelector(filter=these), wait=True)

    async def regroup(self, tenant: str, source: str, groups: Sequence[str]) -> None:
        """Set who may read the source's chunks; their vectors stay."""
        these = models.Filter(must=[*of(tenant), any_of("source", [source])])
        payload = {"groups": sorted(set(groups)) or [EVERYONE]}
        await self.client.set_payload(self.name, payload, points=these, wait=True)

    async def held(self, tenant: str, versions: Mapping[str, str]) -> set[str]:
        """Return the sources whose chunks of this version are there; the first is written last."""
        named = {point_id(tenant, source, version, 0): source for source, version in versions.items()}
        if not named:
            return set()
        found = await self.client.retrieve(self.name, ids=list(named), with_payload=False)
        return {named[str(record.id)] for record in found}

    async def stored(self, tenant: str, source: str, version: str, most: int) -> list[Stored]:
        """Return the chunks of one version of a source in order, with their vectors; none where there are more."""
        these = models.Filter(must=[*of(tenant), any_of("edition", [edition_of(tenant, source, version)])])
        records, after = await self.client.scroll(
            self.name, scroll_filter=these, limit=most, with_payload=True, with_vectors=[DENSE]
        )
        if after is not None:
            return []
        found = [stored_of(record.payload, record.vector[DENSE]) for record in records]
        return sorted(found, key=lambda one: one.chunk.position)

    async def sources(self, tenant: str, among: Sequence[str] | None = None) -> dict[str, str]:
        """Return the version of each source, or of those `among`; empty where a write must be done again."""
        found: dict[str, str] = {}
        async for page in self.pages(tenant, among):
            for source, version in page:
                found[source] = version if found.get(source, version) == version else ""
        return found

    async def pages(
        self, tenant: str, among: Sequence[str] | None = None
    ) -> AsyncIterator[list[tuple[str, str]]]:
        """Yield source and version of first chunks, a page at a time: one that is there says that all are."""
        must: list[Any] = [
            *of(tenant),
            models.FieldCondition(key="position", match=models.MatchValue(value=0)),
        ]
        if among is not None:
            must.append(models.FieldCondition(key="source", match=models.MatchAny(any=list(among))))
        offset = None
        while True:
            records, offset = await self.client.scroll(
                self.name,
                scroll_filter=models.Filter(must=must),
                limit=1000,
                offset=offset,
                with_payload=["source", "version"],
            )
            yield [(record.payload["source"], record.payload["version"]) for record in records]
            if offset is None:
                return

    async def count(self, tenant: str) -> int:
        """Return the number of chunks."""
        return (await self.client.count(self.name, count_filter=models.Filter(must=[*of(tenant)]))).count


def of(tenant: str) -> list[models.FieldCondition]:
    """Return the conditions that every query starts with; raises ValueError for an empty tenant."""
    if not tenant:
        raise ValueError("a query of the index needs a tenant")
    return [models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant))]


def any_of(key: str, values: Sequence[str]) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))


def readable(
    tenant: str, knowledge: Sequence[str], groups: Sequence[str], hidden: Sequence[str] = ()
) -> models.Filter:
    """Return the filter for what this asker may read: the tenant's, under a prefix, in one of the groups.

    `hidden`: editions that are not to be seen, though their chunks are there.
    """
    must = [*of(tenant), any_of("groups", [EVERYONE, *groups])]
    wanted = [_folder(prefix) for prefix in knowledge]
    if wanted and all(wanted):
        must.append(any_of("prefixes", wanted))
    must_not = [any_of("edition", hidden)] if hidden else []
    return models.Filter(must=list[Any](must), must_not=list[Any](must_not) or None)


def prefixes(source: str) -> list[str]:
    """Return the source and each folder above it, so that a prefix filter is a keyword match on any backend."""
    parts = _folder(source).split("/")
    return [path for end in range(1, len(parts) + 1) if (path := "/".join(parts[:end]))]


def _folder(path: str) -> str:
    return path.strip().removeprefix("./").rstrip("/")


def point_id(tenant: str, source: str, version: str, position: int) -> str:
    """Return the same id for the same chunk of the same content, so that writing again changes nothing."""
    return str(uuid5(NAMESPACE, "\0".join((tenant, source, version, str(position)))))


def document_id(tenant: str, source: str) -> str:
    return str(uuid5(NAMESPACE, f"{tenant}\0{source}"))


def _points(tenant: str, rows: Sequence[Row]) -> list[models.PointStruct]:
    return [_point(tenant, row) for row in rows]


def _point(tenant: str, row: Row) -> models.PointStruct:
    """Build the point without validation, which would look at each of the vector's numbers."""
    source, version = row.content.source, row.content.version
    sparse = models.SparseVector.model_construct(indices=row.terms[0], values=row.terms[1])
    return models.PointStruct.model_construct(
        id=point_id(tenant, source, version, row.chunk.position),
        vector={DENSE: row.vector.tolist(), BM25: sparse},
        payload=_payload(tenant, row.content, row.chunk, row.tokens),
    )


def _payload(tenant: str, content: Content, chunk: Chunk, tokens: str) -> dict[str, Any]:
    source, version = content.source, content.version
    groups = chunk.groups if content.groups is None else content.groups
    return {
        "tenant": tenant,
        "source": source,
        "prefixes": prefixes(source),
        "document": document_id(tenant, source),
        "version": version,
        "edition": edition_of(tenant, source, version),
        "title": chunk.title,
        "headings": list(chunk.headings),
        "page": chunk.page,
        "start": chunk.start,
        "end": chunk.end,
        "position": chunk.position,
        "groups": sorted(set(groups)) or [EVERYONE],
        "text": chunk.text,
        "tokens": tokens,
    }
