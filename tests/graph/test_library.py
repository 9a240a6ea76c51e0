"""A document is replaced as a whole: whoever reads meanwhile sees the old or the new, never neither, both or a part."""

import asyncio
import warnings
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding
from qdrant_client import AsyncQdrantClient

from contracts.documents import Chunk
from contracts.errors import IndexUnavailable
from contracts.identity import Identity
from graph.library import Library
from ports.edge import EdgeClient
from retrievers.collection import Collection
from retrievers.contents import Content
from retrievers.editions import Editions
from retrievers.hybrid import HybridRetriever
from retrievers.sparse import document_vector
from store import documents, editions
from store.documents import Indexed
from store.engine import Database, engine_for
from tests.store.places import sqlite_place

pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")
"""In memory everything is compared, and it says so."""

SIZE = 8
TENANT = "acme"


@dataclass
class Shelf:
    """An index, a database and a counter of changes, with a library over them."""

    collection: Collection
    database: Database
    versions: dict[str, int] = field(default_factory=dict[str, int])
    library: Library = field(init=False)
    editions: Editions = field(init=False)

    def __post_init__(self) -> None:
        self.library = Library(lambda: self.collection, self.database, self.bump, grace=5.0, alone=True)
        self.editions = Editions(lambda tenant: editions.listing(self.database, tenant), self.version)

    async def bump(self, tenant: str) -> None:
        self.versions[tenant] = self.versions.get(tenant, 0) + 1

    async def version(self, tenant: str) -> int:
        await asyncio.sleep(0)
        return self.versions.get(tenant, 0)

    async def put(self, *documents: tuple[str, str, int], groups: Sequence[str] | None = None) -> None:
        """Write documents of one word each, repeated in so many chunks."""
        contents = [content(*one) for one in documents]
        rows = [
            Indexed(source=source, title=source, sha256=word, bytes=1, chunks=count, groups=())
            for source, word, count in documents
        ]
        await self.library.write(TENANT, contents, rows, groups)

    async def read(self, limit: int = 1000) -> dict[str, set[tuple[str, int]]]:
        """Return what one reader sees: by source, the words and positions."""
        retriever = HybridRetriever(
            collection=self.collection,
            embeddings=DeterministicFakeEmbedding(size=SIZE),
            tenant=TENANT,
            limit=limit,
            k=limit,
            mode="bm25",
            editions=self.editions,
        )
        found: dict[str, set[tuple[str, int]]] = {}
        for one in await retriever.ainvoke("common"):
            word, number = one.page_content.split()[1:3]
            found.setdefault(one.metadata["source"], set()).add((word, int(number)))
        return found

    async def points(self) -> list[tuple[str, str]]:
        """Return what is in the index, whoever may see it: source and version."""
        records, _ = await self.collection.client.scroll(self.collection.name, limit=1000)
        return sorted((one.payload["source"], one.payload["version"]) for one in records)


def content(source: str, word: str, count: int) -> Content:
    texts = [f"common {word} {position} {source}" for position in range(count)]
    chunks = [Chunk(source, "", text, 0, 1, position=position) for position, text in enumerate(texts)]
    dense = np.ones((count, SIZE), np.float32)
    return Content(source, word, chunks, dense, [document_vector(text) for text in texts])


def fresh(folder: Path) -> str:
    with sqlite_place(folder) as place:
        return place


@pytest.fixture(params=["edge", "memory"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Shelf]:
    client: Any = EdgeClient(tmp_path / "index") if request.param == "edge" else AsyncQdrantClient(":memory:")
    place = await asyncio.to_thread(fresh, tmp_path)
    database = engine_for(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # in memory, payload indexes do nothing: it says so
        collection = Collection(client, "passages", "test", SIZE)
        await collection.ensure()
    yield Shelf(collection, database)
    await client.close()
    await database.dispose()


def whole(word: str, count: int) -> set[tuple[str, int]]:
    return {(word, number) for number in range(count)}


SIZES = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=4)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    phases=[Phase.generate],
)
@given(sizes=SIZES, together=st.booleans())
async def test_a_reader_sees_the_old_or_the_new_and_all_of_it(
    shelf: Shelf, sizes: list[tuple[int, int]], together: bool
) -> None:
    run = len(shelf.versions) and shelf.versions[TENANT]
    names = [f"{run}-{number}.md" for number in range(len(sizes))]
    old = [(name, f"old{run}", first) for name, (first, _) in zip(names, sizes, strict=True)]
    new = [(name, f"new{run}", second) for name, (_, second) in zip(names, sizes, strict=True)]
    await shelf.put(*old)
    seen: list[dict[str, set[tuple[str, int]]]] = []
    done = asyncio.Event()

    async def hammer() -> None:
        while not done.is_set():
            seen.append(await shelf.read())
            await asyncio.sleep(0)

    reader = asyncio.create_task(hammer())
    for change in [new] if together else [[one] for one in new]:
        await shelf.put(*change)
    done.set()
    await reader
    seen.append(await shelf.read())  # the last: a reader that began before the change may end after it
    allowed = {
        name: (whole(f"old{run}", first), whole(f"new{run}", second))
        for name, (first, second) in zip(names, sizes, strict=True)
    }
    for look in seen:
        assert {name: look.get(name) in states for name, states in allowed.items()} == dict.fromkeys(
            names, True
        )
    if together:  # one change of many documents is one moment
        for look in seen:
            words = {word for name in names for word, _ in look[name]}
            assert len(words) == 1
    assert {name: seen[-1][name] for name in names} == {name: state[1] for name, state in allowed.items()}


class Slow(Collection):
    """An index whose writes stop where they are told to."""

    def __init__(self, inner: Collection) -> None:
        super().__init__(inner.client, inner.name, inner.embedding_name, inner.dimension)
        self.written, self.go = asyncio.Event(), asyncio.Event()

    async def replace_all(self, tenant: str, contents: Sequence[Content], keep: Any = ()) -> None:
        await super().replace_all(tenant, contents, keep)
        self.written.set()
        await self.go.wait()


async def test_a_reader_that_began_before_a_change_does_not_see_it_half(shelf: Shelf) -> None:
    await shelf.put(("a.md", "old", 3))
    look = shelf.collection.client.query_batch_points
    first = True

    async def meanwhile(*given: Any, **named: Any) -> Any:
        nonlocal first
        if first:
            first = False
            await shelf.put(("a.md", "new", 3), ("b.md", "new", 2))
        return await look(*given, **named)

    shelf.collection.client.query_batch_points = meanwhile
    try:
        assert await shelf.read() == {"a.md": whole("old", 3)}
    finally:
        shelf.collection.client.query_batch_points = look
    assert await shelf.read() == {"a.md": whole("new", 3), "b.md": whole("new", 2)}


async def test_what_is_written_and_not_committed_is_seen_by_nobody(shelf: Shelf) -> None:
    await shelf.put(("a.md", "old", 2))
    shelf.collection = slow = Slow(shelf.collection)
    change = asyncio.create_task(shelf.put(("a.md", "new", 4)))
    await slow.written.wait()
    assert await shelf.read() == {"a.md": whole("old", 2)}
    assert len(await shelf.points()) == 6
    slow.go.set()
    await change
    assert await shelf.read() == {"a.md": whole("new", 4)}


async def test_a_change_that_was_cut_off_leaves_nothing_after_the_next_start(shelf: Shelf) -> None:
    await shelf.put(("a.md", "old", 2))
    before = await shelf.points()
    dead = Library(lambda: slow, shelf.database, shelf.bump, alone=True)
    slow = Slow(shelf.collection)
    rows = [Indexed(source="a.md", title="", sha256="new", bytes=1, chunks=4, groups=())]
    change = asyncio.create_task(dead.write(TENANT, [content("a.md", "new", 4)], rows))
    await slow.written.wait()
    killed = shelf.database.write

    async def gone(*_: Any, **__: Any) -> Any:
        raise OSError("killed")

    shelf.database.write = gone  # type: ignore[method-assign]
    change.cancel()
    await asyncio.wait([change])
    shelf.database.write = killed  # type: ignore[method-assign]
    assert await shelf.read() == {"a.md": whole("old", 2)}
    started = Library(lambda: shelf.collection, shelf.database, shelf.bump, grace=0, alone=True)
    await started.settle()
    assert (await shelf.points(), await editions.listing(shelf.database, TENANT)) == (before, {})
    assert await shelf.read() == {"a.md": whole("old", 2)}


async def test_what_was_replaced_is_removed_once_no_reader_can_see_it(shelf: Shelf) -> None:
    await shelf.put(("a.md", "old", 2))
    await shelf.put(("a.md", "new", 1))
    await shelf.library.settle()
    assert await shelf.points() == [("a.md", "new"), ("a.md", "old"), ("a.md", "old")]
    shelf.library.grace = 0.0
    await shelf.library.settle()
    assert await shelf.points() == [("a.md", "new")]


async def test_going_back_to_an_earlier_content_before_it_was_removed_keeps_it(shelf: Shelf) -> None:
    for word in ("one", "two", "one"):
        await shelf.put(("a.md", word, 2))
    shelf.library.grace = 0.0
    await shelf.library.settle()
    assert await shelf.points() == [("a.md", "one")] * 2
    assert await shelf.read() == {"a.md": whole("one", 2)}


async def test_two_that_change_one_document_at_once_leave_one_of_them(shelf: Shelf) -> None:
    words = [f"w{number}" for number in range(6)]
    await asyncio.gather(*(shelf.put(("a.md", word, 3)) for word in words))
    (state,) = (await shelf.read()).values()
    assert state in [whole(word, 3) for word in words]
    shelf.library.grace = 0.0
    await shelf.library.settle()
    assert {source for source, _ in await shelf.points()} == {"a.md"}
    assert len(await shelf.points()) == 3


async def test_a_reader_that_takes_too_long_while_documents_change_says_so(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrievers.editions.LONGEST_S", 0.0)
    await shelf.put(("a.md", "old", 1))
    look = shelf.collection.client.query_batch_points

    async def meanwhile(*given: Any, **named: Any) -> Any:
        await shelf.bump(TENANT)
        return await look(*given, **named)

    shelf.collection.client.query_batch_points = meanwhile
    try:
        with pytest.raises(IndexUnavailable, match="while documents changed"):
            await shelf.read()
    finally:
        shelf.collection.client.query_batch_points = look


class Held(Collection):
    """An index in which setting these groups dies, or waits for `go`."""

    def __init__(self, inner: Collection, groups: Sequence[str], *, dies: bool = False) -> None:
        super().__init__(inner.client, inner.name, inner.embedding_name, inner.dimension)
        self.groups, self.dies = groups, dies
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def regroup(self, tenant: str, source: str, groups: Sequence[str]) -> None:
        if list(groups) == list(self.groups):
            self.reached.set()
            if self.dies:
                raise OSError("killed")
            await self.go.wait()
        await super().regroup(tenant, source, groups)


async def said(shelf: Shelf, source: str) -> tuple[list[str], list[str]]:
    """Return who may read the document: as the database says, and as the index does."""
    entry = await documents.by_source(shelf.database, Identity(TENANT, "olga", role="owner"), source)
    assert entry is not None
    records, _ = await shelf.collection.client.scroll(shelf.collection.name, limit=1000)
    groups = {tuple(one.payload["groups"]) for one in records if one.payload["source"] == source}
    return entry["groups"], [group for (group,) in sorted(groups)]


async def test_a_document_that_is_closed_is_seen_by_no_outsider_though_the_process_dies(shelf: Shelf) -> None:
    await shelf.put(("a.md", "one", 2), ("b.md", "two", 2))
    shelf.collection = Held(inner := shelf.collection, ["board"], dies=True)
    with pytest.raises(OSError, match="killed"):
        await shelf.library.regroup_source(TENANT, "a.md", ["board"])
    assert await said(shelf, "a.md") == (["board"], ["*"])
    assert await shelf.read() == {"b.md": whole("two", 2)}
    shelf.collection = inner
    started = Library(lambda: shelf.collection, shelf.database, shelf.bump, alone=True)
    await started.settle()
    assert await said(shelf, "a.md") == (["board"], ["board"])
    assert set((await editions.listing(shelf.database, TENANT)).values()) == {"fresh"}
    assert await shelf.read() == {"b.md": whole("two", 2)}


async def test_of_two_that_set_the_groups_at_once_the_last_is_in_the_index_too(shelf: Shelf) -> None:
    await shelf.put(("a.md", "one", 2))
    shelf.collection = slow = Held(shelf.collection, [])
    first = asyncio.create_task(shelf.library.regroup_source(TENANT, "a.md", []))
    await slow.reached.wait()
    second = asyncio.create_task(shelf.library.regroup_source(TENANT, "a.md", ["board"]))
    await asyncio.wait([second], timeout=0.3)  # it waits for the first, or is done before it
    slow.go.set()
    await asyncio.gather(first, second)
    assert await said(shelf, "a.md") == (["board"], ["board"])


@pytest.mark.parametrize("word", ["one", "new"], ids=["same", "edited"])
async def test_groups_that_are_set_while_a_document_is_written_for_others_are_one_thing(
    shelf: Shelf, word: str
) -> None:
    await shelf.put(("a.md", "one", 2))
    shelf.collection = slow = Slow(shelf.collection)
    write = asyncio.create_task(shelf.put(("a.md", word, 2), groups=["board"]))
    await slow.written.wait()
    opened = asyncio.create_task(shelf.library.regroup_source(TENANT, "a.md", ["hr"]))
    await asyncio.wait([opened], timeout=0.3)  # it waits for the write, or is done before it
    slow.go.set()
    await asyncio.gather(write, opened)
    shelf.library.grace = 0.0
    await shelf.library.settle()
    inside = await said(shelf, "a.md")
    assert inside[0] == inside[1]
