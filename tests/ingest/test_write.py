"""Documents that are written together are each in the index as if written alone, or not at all."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from qdrant_client.http.exceptions import UnexpectedResponse

from contracts.documents import Chunk
from contracts.errors import StoreUnavailable
from ingest.embed import Embedded
from ingest.index import TOGETHER, Pipeline
from ingest.parts import Parts, identity_of
from ingest.report import Step
from ingest.sync import sync
from ingest.worker import Parsed
from ingest.write import Ready
from store import documents
from store.engine import Database
from tests.ingest.conftest import Encoded, WordEncoder

NAMES = ("a.txt", "b.txt", "c.txt")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(f"Words of {name}.")
    return folder


async def rows(parts: Parts) -> set[str]:
    return set(await documents.digests(parts.database, identity_of("acme")))


async def test_remembered_answers_go_before_the_first_chunk_and_after_the_last_row(
    parts: Parts, docs: Path
) -> None:
    seen: list[tuple[int, int]] = []

    async def bump(tenant: str) -> None:
        seen.append((len(await parts.collection.sources(tenant)), len(await rows(parts))))

    await sync([str(docs)], "acme", replace(parts, bump=bump))

    assert seen == [(0, 0), (3, 3)]


async def test_many_documents_are_written_in_few_goes_and_each_is_told(parts: Parts, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number:02d}.txt").write_text(f"Words of {number}.")
    steps: list[Step] = []

    report = await sync([f"{tmp_path}/*.txt"], "acme", parts, progress=steps.append)

    bumps: Any = parts.bump
    assert len(bumps.tenants) <= 4
    assert (report.added, report.chunks, len(await rows(parts))) == (100, 100, 100)
    assert [(step.done, step.chunks) for step in steps] == [(n, n) for n in range(1, 101)]
    assert len({step.current for step in steps}) == 100


class OddEncoder(WordEncoder):
    """Gives one text a vector that the index refuses."""

    def encode(self, texts: Sequence[str]) -> Encoded:
        encoded = super().encode(texts)
        pairs = zip(encoded.dense, texts, strict=True)
        return replace(encoded, dense=[row[:-1] if "b.txt" in text else row for row, text in pairs])


async def test_one_that_the_index_refuses_takes_none_before_it_with_it(parts: Parts, docs: Path) -> None:
    steps: list[Step] = []

    with pytest.raises(UnexpectedResponse, match="383"):
        await sync(
            [str(docs)],
            "acme",
            replace(parts, encoder=OddEncoder(), workers=1),
            progress=steps.append,
        )

    assert set(await parts.collection.sources("acme")) == await rows(parts) == {"docs/a.txt"}
    assert [(step.done, step.current) for step in steps] == [(1, "docs/a.txt")]


@dataclass(slots=True)
class Down:
    """A database that takes nothing in any more, once documents are to become visible."""

    inner: Database
    left: int = 3
    """Transactions that still succeed: the looks for regroupings and editions left, and what hides the new ones."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def write(self, work: Callable[..., Any]) -> Any:
        self.left -= 1
        if self.left < 0:
            raise StoreUnavailable("The database does not answer.")
        return await self.inner.write(work)


async def test_documents_without_their_rows_are_done_again(parts: Parts, docs: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await sync([str(docs)], "acme", replace(parts, database=Down(parts.database)))
    assert len(await parts.collection.sources("acme")) == 3
    assert await rows(parts) == set()

    report = await sync([str(docs)], "acme", parts)

    assert report.added == 3
    assert (
        await rows(parts) == set(await parts.collection.sources("acme")) == {f"docs/{name}" for name in NAMES}
    )
    encoder: Any = parts.encoder
    assert len(encoder.texts) == 6


class FirstFails:
    """An index whose first write is lost on its way; the next arrive."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.sizes = inner, list[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def replace_all(self, tenant: str, contents: Sequence[Any], keep: Sequence[str]) -> None:
        self.sizes.append(len(contents))
        if len(self.sizes) == 1:
            raise ConnectionError("cut off")
        await self.inner.replace_all(tenant, contents, keep)


async def test_what_cannot_be_written_together_is_written_one_by_one(parts: Parts, docs: Path) -> None:
    index = FirstFails(parts.collection)
    steps: list[Step] = []

    report = await sync([str(docs)], "acme", replace(parts, collection=index), progress=steps.append)

    assert index.sizes == [3, 1, 1, 1]
    assert (report.added, report.chunks, [step.done for step in steps]) == (3, 3, [1, 2, 3])
    assert (
        await rows(parts) == set(await parts.collection.sources("acme")) == {f"docs/{name}" for name in NAMES}
    )


def ready(source: str, count: int) -> Ready:
    chunks = [Chunk(source, "", "x", 0, 1, position=at) for at in range(count)]
    return Parsed(source, "", 1, "", chunks), Embedded(chunks, [], [], [])


@pytest.mark.parametrize(
    ("sizes", "taken"), [((2, 3), [["a", "b"], []]), ((TOGETHER, 1), [["a"], ["b"], []])]
)
async def test_what_waits_is_taken_together_up_to_a_bound_and_then_the_end(
    parts: Parts, sizes: tuple[int, int], taken: list[list[str]]
) -> None:
    line = Pipeline(parts, "acme", 2, (), None)
    line.embedded = asyncio.Queue()
    for waiting in ([ready("a", sizes[0])], [ready("b", sizes[1])], None):
        line.embedded.put_nowait(waiting)

    async with asyncio.timeout(5):
        found = [[parsed.source for parsed, _ in await line.ready()] for _ in taken]

    assert found == taken
