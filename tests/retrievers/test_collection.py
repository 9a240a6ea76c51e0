"""What is written to the index: idempotent, complete, and one tenant's alone."""

from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import models

from contracts.documents import Chunk
from contracts.errors import EmbeddingMismatch
from ports.edge import EdgeClient
from retrievers.collection import BM25, DENSE, Collection, prefixes
from retrievers.contents import Content
from retrievers.sparse import SCHEME, document_vector

SIZE = 8


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[EdgeClient]:
    client = EdgeClient(tmp_path)
    yield client
    await client.close()


@pytest.fixture
async def collection(client: EdgeClient) -> Collection:
    collection = Collection(client, "passages", "hash", SIZE)
    await collection.ensure()
    return collection


def chunks(source: str, *texts: str) -> list[Chunk]:
    return [Chunk(source, "Title", text, 0, len(text), position=at) for at, text in enumerate(texts)]


async def write(collection: Collection, tenant: str, source: str, version: str, *texts: str) -> None:
    dense = np.random.default_rng(len(texts)).normal(size=(len(texts), SIZE)).astype(np.float32)
    sparse = [document_vector(text) for text in texts]
    await collection.replace(tenant, source, version, chunks(source, *texts), dense, sparse)


async def texts_of(collection: Collection) -> list[tuple[str, str, str]]:
    records, _ = await collection.client.scroll(collection.name, limit=1000)
    return sorted((one.payload["tenant"], one.payload["source"], one.payload["text"]) for one in records)


async def test_writing_again_changes_nothing(collection: Collection) -> None:
    for _ in range(2):
        await write(collection, "acme", "a.md", "v1", "one", "two")

    assert await texts_of(collection) == [("acme", "a.md", "one"), ("acme", "a.md", "two")]
    assert await collection.count("acme") == 2


async def test_a_new_version_replaces_exactly_its_source_and_tenant(collection: Collection) -> None:
    await write(collection, "acme", "a.md", "v1", "old", "older")
    await write(collection, "acme", "b.md", "v1", "beside")
    await write(collection, "other", "a.md", "v1", "theirs")

    await write(collection, "acme", "a.md", "v2", "new")

    assert await texts_of(collection) == [
        ("acme", "a.md", "new"), ("acme", "b.md", "beside"), ("other", "a.md", "theirs"),
    ]  # fmt: skip


async def test_fewer_chunks_of_the_same_version_leave_none_over(collection: Collection) -> None:
    await write(collection, "acme", "a.md", "v1", "one", "two", "three")
    await write(collection, "acme", "a.md", "v1", "one")

    assert await texts_of(collection) == [("acme", "a.md", "one")]


async def test_a_deleted_source_is_gone_for_its_tenant_alone(collection: Collection) -> None:
    await write(collection, "acme", "a.md", "v1", "one")
    await write(collection, "other", "a.md", "v1", "one")

    await collection.delete("acme", "a.md")

    assert await collection.sources("acme") == {}
    assert await collection.sources("other") == {"a.md": "v1"}


async def test_many_sources_are_listed_with_their_versions(collection: Collection) -> None:
    for number in range(30):
        await write(collection, "acme", f"{number}.md", f"v{number}", "one", "two")

    assert await collection.sources("acme") == {f"{number}.md": f"v{number}" for number in range(30)}


def content(source: str, version: str, *texts: str) -> Content:
    dense = np.random.default_rng(len(texts)).normal(size=(len(texts), SIZE)).astype(np.float32)
    return Content(source, version, chunks(source, *texts), dense, [document_vector(text) for text in texts])


async def test_several_sources_at_once_are_replaced_as_each_alone(collection: Collection) -> None:
    for tenant, source in (("acme", "a.md"), ("acme", "b.md"), ("acme", "c.md"), ("other", "a.md")):
        await write(collection, tenant, source, "v1", "old", "older")

    new = [content("a.md", "v2", "new"), content("b.md", "v2"), content("d.md", "v2", "one", "two")]
    await collection.replace_all("acme", new)

    assert await texts_of(collection) == [
        ("acme", "a.md", "new"),
        ("acme", "c.md", "old"), ("acme", "c.md", "older"),
        ("acme", "d.md", "one"), ("acme", "d.md", "two"),
        ("other", "a.md", "old"), ("other", "a.md", "older"),
    ]  # fmt: skip


async def test_a_source_has_the_same_points_in_company_as_alone(collection: Collection) -> None:
    for source in ("a.md", "b.md"):
        await write(collection, "acme", source, "v1", "one", "two")
    alone, _ = await collection.client.scroll(collection.name, limit=10, with_vectors=True)
    for source in ("a.md", "b.md"):
        await collection.delete("acme", source)

    await collection.replace_all(
        "acme", [content("b.md", "v1", "one", "two"), content("a.md", "v1", "one", "two")]
    )

    again, _ = await collection.client.scroll(collection.name, limit=10, with_vectors=True)
    assert len(again) == 4
    assert again == alone


class CutOff(EdgeClient):
    """Loses power after the first upsert."""

    async def upsert(self, collection_name: str, points: object, **others: object) -> object:  # type: ignore[override]
        await super().upsert(collection_name, list(points)[:1])  # type: ignore[call-overload]
        raise ConnectionError("cut off")


async def test_a_write_that_was_cut_off_does_not_count_as_written(tmp_path: Path) -> None:
    client = CutOff(tmp_path)
    collection = Collection(client, "passages", "hash", SIZE)
    await collection.ensure()

    with pytest.raises(ConnectionError):
        await write(collection, "acme", "a.md", "v1", "one", "two")

    assert await collection.count("acme") == 1
    assert await collection.sources("acme") == {}
    await client.close()


async def test_of_several_only_the_whole_ones_count_when_a_write_was_cut_off(tmp_path: Path) -> None:
    client = CutOff(tmp_path)
    collection = Collection(client, "passages", "hash", SIZE)
    await collection.ensure()

    with pytest.raises(ConnectionError):
        await collection.replace_all(
            "acme", [content("a.md", "v1", "one"), content("b.md", "v1", "one", "two")]
        )

    assert await collection.sources("acme") == {"a.md": "v1"}
    await client.close()


async def test_another_model_is_refused_by_both_names(client: EdgeClient, collection: Collection) -> None:
    await Collection(client, "passages", "hash", SIZE).ensure()

    with pytest.raises(
        EmbeddingMismatch, match=r"made with hash \(8 dimensions\), but nomic \(768"
    ) as caught:
        await Collection(client, "passages", "nomic", 768).ensure()

    assert "switchboard reembed" in caught.value.message


async def test_an_empty_tenant_reads_and_writes_nothing(collection: Collection) -> None:
    for call in (collection.count(""), collection.sources(""), collection.delete("", "a.md")):
        with pytest.raises(ValueError, match="needs a tenant"):
            await call


def test_prefixes_are_the_folders_above() -> None:
    assert prefixes("./hr/leave/rules.md") == ["hr", "hr/leave", "hr/leave/rules.md"]
    assert prefixes("https://x.org/a") == ["https:", "https:/", "https://x.org", "https://x.org/a"]


async def test_an_index_says_by_which_scheme_its_words_were_read(
    client: EdgeClient, collection: Collection
) -> None:
    await client.create_collection(
        "older",
        vectors_config={DENSE: models.VectorParams(size=SIZE, distance=models.Distance.COSINE)},
        sparse_vectors_config={BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        metadata={"embedding": "hash", "dimension": SIZE},
    )
    older = Collection(client, "older", "hash", SIZE)
    again = Collection(client, "passages", "hash", SIZE)
    await older.ensure()
    await again.ensure()

    assert (older.scheme, again.scheme) == (1, SCHEME)
