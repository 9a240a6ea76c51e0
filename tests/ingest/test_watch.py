"""What changes on disk is in the index when it has settled; a burst is one run, and a failure is not the end."""

import asyncio
import io
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from contracts.errors import IndexUnavailable
from ingest.parts import Parts
from ingest.report import Report
from ingest.sync import sync
from ingest.watch import watch


@asynccontextmanager
async def watching(
    folder: Path, parts: Parts, failed: asyncio.Event | None = None
) -> AsyncGenerator["asyncio.Queue[Report]"]:
    told: asyncio.Queue[Report] = asyncio.Queue()

    async def ingest() -> Report:
        if failed is not None and not failed.is_set():
            failed.set()
            raise IndexUnavailable("The index does not answer.")
        return await sync([str(folder)], "acme", parts, prune=True)

    task = asyncio.create_task(watch([str(folder)], ingest, told.put_nowait, every=0.1))
    try:
        yield told
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.deleted


async def test_changes_deletions_and_moves_are_followed_and_a_burst_is_one_run(
    parts: Parts, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("# A\n\nAlpha.")
    async with watching(folder, parts) as told, asyncio.timeout(60):
        assert counts(await told.get()) == (1, 0, 0, 0)
        for name in "bcdef":
            (folder / f"{name}.md").write_text(f"# {name}\n\nWords.")
        assert counts(await told.get()) == (5, 0, 1, 0)
        embedded = len(parts.encoder.texts)  # type: ignore[attr-defined]
        (folder / "a.md").rename(folder / "sub" / "a.md")
        assert counts(await told.get()) == (1, 0, 5, 1)
        assert len(parts.encoder.texts) == embedded  # type: ignore[attr-defined]
    sources = {f"docs/{name}.md" for name in ("sub/a", "b", "c", "d", "e", "f")}
    assert set(await parts.collection.sources("acme")) == sources


async def test_a_run_that_fails_is_told_and_the_next_change_is_ingested(
    parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("Alpha.")
    failed = asyncio.Event()
    async with watching(tmp_path / "docs", parts, failed) as told, asyncio.timeout(60):
        await failed.wait()
        (tmp_path / "docs" / "b.md").write_text("Beta.")
        assert counts(await told.get()) == (2, 0, 0, 0)
    assert "The index does not answer." in capsys.readouterr().err


class Heard(io.StringIO):
    """Notes what is written, and wakes who waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.line = asyncio.Event()

    def write(self, text: str, /) -> int:
        self.line.set()
        return super().write(text)


async def test_the_documents_of_a_watched_folder_that_is_gone_are_kept_and_that_is_said(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    monkeypatch.setattr(sys, "stderr", heard)
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n\nAlpha.")
    async with watching(folder, parts) as told, asyncio.timeout(60):
        assert counts(await told.get()) == (1, 0, 0, 0)
        shutil.rmtree(folder)
        await heard.line.wait()
        assert heard.getvalue().startswith(
            f"{folder} is gone, so nothing is ingested until it is back; its documents are kept."
        )
        assert set(await parts.collection.sources("acme")) == {"docs/a.md"}
        folder.mkdir()
        assert counts(await told.get()) == (0, 0, 0, 1)
    assert await parts.collection.sources("acme") == {}
