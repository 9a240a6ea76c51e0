"""The suite `chunking`: the figures by hand, and the suite over a corpus of its own."""

import csv
import json
from pathlib import Path

import pytest

from contracts.errors import UnreadableDocument
from evals.__main__ import main
from evals.chunking import Fit, Wanted, fit, questions, touched, within
from evals.indexing import Ingest
from ingest.embed import embed
from ingest.split import split
from switchboard import indexer_for

WANTED = Wanted("?", "a", [(100, 150), (200, 250)])


def test_a_text_is_judged_by_the_characters_that_it_shares_with_the_excerpts() -> None:
    found = [("a", 100, 200), ("a", 150, 225), ("b", 0, 75)]
    assert fit(WANTED, found) == Fit(recall=0.75, precision=75 / 200, iou=75 / 225)


def test_nothing_found_is_worth_nothing() -> None:
    assert fit(WANTED, []) == Fit(0.0, 0.0, 0.0)


def test_the_chunks_that_hold_a_part_are_those_that_share_a_character() -> None:
    assert touched(WANTED, {"a": [(0, 100), (100, 120), (120, 200), (200, 201)]}) == [
        ("a", 100, 120), ("a", 120, 200), ("a", 200, 201),
    ]  # fmt: skip


def test_whole_passages_are_cut_at_the_room() -> None:
    assert within([("a", 0, 80), ("b", 10, 90), ("c", 0, 5)], 100) == [("a", 0, 80), ("b", 10, 30)]


def data(folder: Path, content: str) -> Path:
    text = (
        "The moon is far. The bridge over the Aare was built in 1898. It carries two tracks. Tea is green.\n"
    )
    (folder / "corpora").mkdir()
    (folder / "corpora" / "facts.md").write_text(text, "utf-8")
    start = text.index("The bridge")
    excerpt = [{"content": content, "start_index": start, "end_index": start + len(content)}]
    with (folder / "questions_df.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerows(
            [
                ["question", "references", "corpus_id"],
                ["When was the bridge built?", json.dumps(excerpt), "facts"],
            ]
        )
    return folder


def test_an_excerpt_that_is_not_at_its_place_is_named(tmp_path: Path) -> None:
    folder = data(tmp_path, "The bridge was blown up")
    text = (folder / "corpora" / "facts.md").read_text("utf-8")
    with pytest.raises(UnreadableDocument, match=r"questions_df.csv, row 2: .* 'facts'"):
        questions(folder, {"facts": text})


def test_the_suite_finds_the_excerpt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path, "The bridge over the Aare was built in 1898.")
    code = main(
        ["chunking", "--data", str(folder), "--out", str(tmp_path / "out"), "--json"],
        lambda: Ingest(split, embed, indexer_for),
    )
    body = json.loads(capsys.readouterr().out)
    assert (code, body["n"], body["metrics"]["recall"]["value"]) == (0, 1, 1.0)
    assert body["metrics"]["iou_of_chunks"]["value"] == body["metrics"]["whole.iou"]["value"]
