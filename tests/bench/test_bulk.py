"""What `bench bulk` compares: the same files for all, by what the model read of them, against the best peer."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from bench.bulk import CORPORA, OWN, PEERS, PIPELINES, compared, lay_out, reached, summed
from bench.peers.install import pins


def test_every_peer_is_pinned_and_has_a_pipeline() -> None:
    wanted = pins(PIPELINES / "pins.toml")
    assert set(wanted) == {*PEERS, OWN}
    assert all("==" in one for names in wanted.values() for one in names)
    for name in (*wanted, "switchboard", "bare"):
        assert (PIPELINES / f"{name}_pipeline.py").is_file()


def test_each_slice_has_its_share_of_the_files_and_each_file_is_in_one(tmp_path: Path) -> None:
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    for number, corpus in enumerate(CORPORA):
        with tarfile.open(corpora / corpus, "w:xz") as archive:
            for page in range(5):
                entry = tarfile.TarInfo(f"pages/{page}.{('txt', 'html')[number]}")
                entry.size = 3
                archive.addfile(entry, io.BytesIO(b"abc"))
    folders = lay_out(corpora, tmp_path / "first", 8, 2)
    assert [len(list(folder.iterdir())) for folder in folders] == [4, 4]
    names = [path.name for folder in folders for path in folder.iterdir()]
    assert len(set(names)) == 8
    again = lay_out(corpora, tmp_path / "second", 8, 2)
    assert names == [path.name for folder in again for path in folder.iterdir()]


def row(seconds: float, tokens: int, cpu: float = 2.0) -> dict[str, Any]:
    some = {"seconds": seconds, "tokens": tokens, "cpu_s": cpu, "chunks": 5, "texts": 5, "embedding_s": 1.0}
    return summed([{**some, "characters": 9, "calls": 1, "rss": 1e6}], 1_000_000)


def test_the_best_peer_is_the_one_that_embeds_most_in_a_second() -> None:
    rows = {
        "switchboard": row(2, 600),
        "bare": row(1.9, 600),
        "langchain": row(4, 600),
        "haystack": row(3, 300),
    }
    found = compared(rows, 1_000_000)
    assert found["best_peer"] == "langchain"
    assert (found["times_best_peer"], found["most_that_any_could"], found["share_of_bare"]) == (
        2.0,
        2.11,
        0.949,
    )
    assert found["times_best_peer_in_time"] == 1.5


@pytest.mark.parametrize(
    ("times", "share", "both"), [(3.0, 0.9, True), (2.9, 0.95, False), (3.5, 0.89, False)]
)
def test_both_figures_are_wanted(times: float, share: float, both: bool) -> None:
    assert reached({"times_best_peer": times, "share_of_bare": share}) is both
