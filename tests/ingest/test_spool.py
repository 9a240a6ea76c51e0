"""A walk of any length fits into the same memory, and says the same as one that is held in memory."""

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.documents import Chunk
from ingest.index import index
from ingest.parts import Parts, identity_of
from ingest.spool import PAGE, spooled
from ingest.sync import sync
from ingest.walk import Found, walk
from ingest.worker import fingerprint
from retrievers.contents import Content
from store import documents

MOST_KB = 300
"""What 3,600 more files may add: their names and digests alone would take 1,000."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "docs/a/x.md",
        "docs/b.md",
        "docs/a.md",
        "docs/logo.png",
        "other/docs/b.md",
        "other/docs/c.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return tmp_path


@pytest.mark.parametrize(
    "names", [("docs",), ("docs/a", "docs"), ("docs", "other/docs"), ("docs/*.md", "docs/b.md", "other")]
)
def test_a_spool_holds_what_the_walk_found(folder: Path, names: tuple[str, ...]) -> None:
    arguments = [str(folder / name) for name in names]
    found = walk(arguments)
    with spooled() as spool:
        spool.fill(arguments)
        assert list(spool) == found.files
        assert len(spool) == len(found.files)
        assert (spool.clashes, spool.roots, dict(spool.skipped)) == (
            found.clashes,
            found.roots,
            dict(found.skipped),
        )


def test_a_spool_of_several_pages_gives_each_file_once(tmp_path: Path) -> None:
    names = [f"{number:05d}.txt" for number in range(PAGE * 2 + 1)]
    for name in names:
        (tmp_path / name).touch()
    with spooled() as spool:
        spool.fill([str(tmp_path)])
        assert [file.path.name for file in spool] == names
        assert spool.absent([f"{tmp_path.name}/{names[0]}", "gone.txt"]) == ["gone.txt"]


def test_two_documents_of_one_name_are_not_taken_for_gone(folder: Path) -> None:
    with spooled() as spool:
        spool.fill([str(folder / "docs"), str(folder / "other" / "docs")])
        assert sorted(spool.clashes) == ["docs/b.md"]
        assert spool.absent(["docs/b.md", "docs/c.md", "docs/z.md"]) == ["docs/z.md"]


class Many:
    """So many files, made while they are taken: all of them one file under many names."""

    def __init__(self, path: Path, count: int) -> None:
        self.path, self.count = path, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Found]:
        for number in range(self.count):
            yield Found(self.path, name(number), 5)


def name(number: int) -> str:
    return f"docs/{number:05d}.txt"


async def note(parts: Parts, count: int) -> None:
    """Write the rows and chunks of so many documents as an ingest would have."""
    version = fingerprint(b"Words")
    row = np.eye(1, 384, dtype=np.float32)
    for start in range(0, count, 1000):
        sources = [name(number) for number in range(start, min(start + 1000, count))]
        contents = [
            Content(source, version, [Chunk(source, "", "Words", 0, 5)], row, [([1], [1.0])])
            for source in sources
        ]
        await parts.collection.replace_all("acme", contents)
        rows = [
            documents.Indexed(source=source, title="", sha256=version, bytes=5, chunks=1, groups=[])
            for source in sources
        ]
        await documents.upsert_all(parts.database, identity_of("acme"), rows)


async def peak(parts: Parts, files: Many) -> float:
    """Return the most kilobytes that Python held at a time while it passed over unchanged files."""
    tracemalloc.start()
    try:
        report = await index(files, "acme", parts)
        assert report.unchanged == len(files)
        return tracemalloc.get_traced_memory()[1] / 1000
    finally:
        tracemalloc.stop()


async def test_memory_does_not_grow_with_the_number_of_files(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("Words")
    await note(parts, 8 * PAGE)
    few = await peak(parts, Many(path, PAGE))
    many = await peak(parts, Many(path, 8 * PAGE))
    assert many - few < MOST_KB


async def test_only_what_is_asked_for_is_looked_up(parts: Parts, folder: Path) -> None:
    await sync([str(folder / "docs")], "acme", parts)
    assert set(await parts.collection.sources("acme", ["docs/b.md", "nowhere.md"])) == {"docs/b.md"}
    assert await parts.collection.sources("acme", []) == {}


def test_a_name_that_is_not_utf8_is_told_and_the_rest_are_walked(tmp_path: Path) -> None:
    (tmp_path / "fine.txt").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).touch()
    with spooled() as spool:
        spool.fill([str(tmp_path)])
        assert [file.path.name for file in spool] == ["fine.txt"]
        assert list(spool.clashes) == [f"{tmp_path.name}/�.txt"]
