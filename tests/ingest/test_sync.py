"""Folders and the index agree, whatever happened to the files in between."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import BadRequest, IndexUnavailable
from ingest.parts import Parts, identity_of
from ingest.report import Step
from ingest.sync import sync
from store import documents
from tests.ingest.files import pdf, word


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n\nAlpha words.\n\n## Two\n\nMore words.\n")
    (folder / "b.txt").write_text("Beta words.")
    (folder / "c.pdf").write_bytes(pdf("Gamma words."))
    (folder / "d.docx").write_bytes(word())
    return folder


async def points(parts: Parts, tenant: str = "acme") -> dict[str, list[str]]:
    collection: Any = parts.collection
    records, _ = await collection.client.scroll(collection.name, limit=1000, with_payload=True)
    found: dict[str, list[str]] = {}
    for record in records:
        if record.payload["tenant"] == tenant:
            found.setdefault(record.payload["source"], []).append(str(record.id))
    return {source: sorted(ids) for source, ids in found.items()}


def counts(report: Any) -> dict[str, int]:
    return {name: count for name, count in report.body()["documents"].items() if count}


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


async def test_a_second_run_changes_nothing_and_embeds_nothing(parts: Parts, docs: Path) -> None:
    first = await sync([str(docs)], "acme", parts)
    before, embedded = await points(parts), len(parts.encoder.texts)
    second = await sync([f"{docs}/"], "acme", parts)
    assert counts(first) == {"added": 4}
    assert first.chunks == embedded == sum(map(len, before.values()))
    assert first.bytes == size_of(docs)
    assert counts(second) == {"unchanged": 4}
    assert (second.chunks, second.bytes) == (0, 0)
    assert await points(parts) == before
    assert len(parts.encoder.texts) == embedded
    assert parts.bump.tenants == ["acme"] * 2  # before and after the four documents, none in the second run


async def test_a_changed_file_replaces_exactly_its_own_chunks(parts: Parts, docs: Path) -> None:
    await sync([str(docs)], "acme", parts)
    before = await points(parts)
    (docs / "a.md").write_text("# A\n\nOther words.\n")
    report = await sync([str(docs)], "acme", parts)
    after = await points(parts)
    assert counts(report) == {"updated": 1, "unchanged": 3}
    assert not set(after.pop("docs/a.md")) & set(before.pop("docs/a.md"))
    assert after == before
    entry = await documents.by_source(parts.database, identity_of("acme"), "docs/a.md")
    assert entry is not None
    assert (entry["chunks"], entry["status"], entry["title"]) == (1, "indexed", "A")


async def test_a_bad_file_is_reported_and_keeps_its_old_version(parts: Parts, docs: Path) -> None:
    await sync([str(docs)], "acme", parts)
    before = await points(parts)
    (docs / "c.pdf").write_bytes(b"%PDF-1.4 broken")
    (docs / "e.md").write_bytes(b"\x89PNG\r\n")
    report = await sync([str(docs)], "acme", parts)
    assert counts(report) == {"unchanged": 3, "failed": 2}
    assert report.failures == [
        ("docs/c.pdf", "docs/c.pdf is damaged: PDFium cannot open it as a PDF."),
        (
            "docs/e.md",
            "docs/e.md is named .md but holds an image: rename it to .png or .jpg.",
        ),
    ]
    assert await points(parts) == before


async def test_prune_removes_what_is_gone_below_the_root_and_nothing_else(parts: Parts, docs: Path) -> None:
    other = docs.parent / "docs2"
    other.mkdir()
    (other / "x.md").write_text("Elsewhere.")
    await sync([str(docs), str(other)], "acme", parts)
    await sync([str(docs)], "rival", parts)
    (docs / "b.txt").unlink()
    (other / "x.md").unlink()
    assert counts(await sync([str(docs)], "acme", parts)) == {"unchanged": 3}
    report = await sync([str(docs)], "acme", parts, prune=True)
    assert counts(report) == {"unchanged": 3, "deleted": 1}
    assert sorted(await points(parts)) == ["docs/a.md", "docs/c.pdf", "docs/d.docx", "docs2/x.md"]
    assert len(await points(parts, "rival")) == 4


async def test_prune_and_overwriting_stop_at_another_folder_of_the_same_name(
    parts: Parts, tmp_path: Path
) -> None:
    one, two = tmp_path / "one" / "docs", tmp_path / "two" / "docs"
    for folder, name in ((one, "a.md"), (two, "b.md")):
        folder.mkdir(parents=True)
        (folder / name).write_text(f"# {name}\n\nWords.\n")
        (folder / "README.md").write_text(f"# Read\n\nThis is for {name}.\n")
    await sync([str(one)], "acme", parts)
    before = await points(parts)
    report = await sync([str(two)], "acme", parts, prune=True)
    assert counts(report) == {"added": 1, "failed": 1}
    assert report.failures == [
        (
            "docs/README.md",
            f"docs/README.md is the name of {one}/README.md already: ingest the folder above both, or rename one.",
        )
    ]
    after = await points(parts)
    assert {source: after[source] for source in before} == before
    (one / "a.md").unlink()
    assert counts(await sync([str(one)], "acme", parts, prune=True)) == {"unchanged": 1, "deleted": 1}
    assert sorted(await points(parts)) == ["docs/README.md", "docs/b.md"]


async def test_a_folder_that_moved_takes_its_documents_along(parts: Parts, docs: Path) -> None:
    await sync([str(docs)], "acme", parts)
    moved = docs.parent / "elsewhere" / "docs"
    moved.parent.mkdir()
    await asyncio.to_thread(docs.rename, moved)
    assert counts(await sync([str(moved)], "acme", parts, prune=True)) == {"unchanged": 4}
    (moved / "b.txt").unlink()
    assert counts(await sync([str(moved)], "acme", parts, prune=True)) == {"unchanged": 3, "deleted": 1}


async def test_prune_of_a_pattern_keeps_what_the_pattern_does_not_cover(parts: Parts, docs: Path) -> None:
    await sync([str(docs)], "acme", parts)
    (docs / "a.md").unlink()
    (docs / "b.txt").unlink()
    (docs / "new.md").write_text("New.")
    report = await sync([f"{docs}/*.md"], "acme", parts, prune=True)
    assert counts(report) == {"added": 1, "deleted": 1}
    assert "docs/b.txt" in await points(parts)


async def test_an_index_set_up_anew_is_filled_again(parts: Parts, docs: Path) -> None:
    await sync([str(docs)], "acme", parts)
    await parts.collection.delete("acme", "docs/b.txt")
    assert counts(await sync([str(docs)], "acme", parts)) == {"unchanged": 3, "updated": 1}


async def test_a_file_that_grows_too_large_is_refused(parts: Parts, docs: Path) -> None:
    report = await sync([str(docs / "b.txt")], "acme", replace(parts, limit=5))
    assert counts(report) == {"failed": 1}
    assert "docs/b.txt is larger than" in report.failures[0][1]


async def test_chunks_over_the_models_window_are_halved_without_losing_words(
    parts: Parts, tmp_path: Path
) -> None:
    (tmp_path / "long.txt").write_text("".join(f"é{number} " for number in range(1500)))
    await sync([str(tmp_path / "long.txt")], "acme", parts)
    assert all(len(text.split()) <= 254 for text in parts.encoder.texts)
    assert sum(text.count("é") for text in parts.encoder.texts) == 1500


async def test_progress_ends_at_the_total_for_every_outcome(parts: Parts, docs: Path) -> None:
    (docs / "e.md").write_bytes(b"")
    steps: list[Step] = []
    await sync([str(docs)], "acme", parts, progress=steps.append)
    assert [(step.done, step.total) for step in steps] == [(n, 5) for n in range(1, 6)]


async def test_an_index_that_fails_ends_the_ingest_with_its_own_error(parts: Parts, docs: Path) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(parts.collection, name)

        async def replace_all(self, *args: object) -> None:
            raise IndexUnavailable("The index does not answer.")

    with pytest.raises(IndexUnavailable):
        await sync([str(docs)], "acme", replace(parts, collection=Broken()))
    assert await points(parts) == {}
    assert await documents.digests(parts.database, identity_of("acme")) == {}


async def test_a_path_that_names_nothing_writes_nothing(parts: Parts, docs: Path) -> None:
    with pytest.raises(BadRequest):
        await sync([str(docs), str(docs / "nothing")], "acme", parts)
    assert await points(parts) == {}


async def test_no_process_is_left_behind(parts: Parts, docs: Path) -> None:
    import psutil

    before = {child.pid for child in psutil.Process(os.getpid()).children(recursive=True)}
    await sync([str(docs)], "acme", parts)
    assert {child.pid for child in psutil.Process(os.getpid()).children(recursive=True)} <= before
