"""`switchboard eval ingest`: what counts as near, as read, and as refused for the true reason."""

import json
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.indexing import Ingest
from evals.similarity import f1, headings, relations, similarity, tokens
from ingest.embed import embed
from ingest.load import load
from ingest.split import split
from switchboard import indexer_for

INGEST = Ingest(split, embed, indexer_for, load)


@pytest.mark.parametrize(
    ("found", "wanted", "near"),
    [("abcd", "abcd", 1.0), ("abcd", "abxd", 0.75), ("ab", "", 0.0), ("", "", 1.0), ("ba", "ab", 0.5)],
)
def test_similarity_is_the_share_of_what_both_have_in_order(found: str, wanted: str, near: float) -> None:
    assert similarity(found, wanted) == near


def test_two_ways_to_write_the_same_markdown_are_the_same() -> None:
    ours = "# Duck\n\n* **one** [site](http://a.example/b(c))\n\n| A | B |\n|---|:-:|\n| 1 | 2 |\n"
    theirs = "## Duck ##\n\n- __one__ site <!-- image -->\n\n| A | B |\n| - | - |\n|1|2|"
    assert tokens(ours) == tokens(theirs)
    assert tokens(ours)[:5] == ["#", "Duck", "-", "one", "site"]


def test_a_lost_heading_and_a_lost_column_lower_their_f1() -> None:
    assert f1(headings("# A\n\nB\n"), headings("# A\n\n# B\n")) == pytest.approx(2 / 3)
    # of the four relations a-b, c-d, a/c, b/d only a/c is left
    assert f1(relations("| a |\n| - |\n| c |"), relations("| a | b |\n| - | - |\n| c | d |")) == 0.4


def data(folder: Path, **files: bytes) -> Path:
    for name, body in files.items():
        path = folder / "set" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder / "set"


def test_what_is_read_is_compared_and_a_false_refusal_misses_the_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data(
        tmp_path,
        md__sources__a_DOT_md=b"# Duck\n\nIt swims.\n",
        md__groundtruth__a_DOT_md_DOT_md=b"# Duck\n\nIt flies.\n",
        md__sources__b_DOT_md=b"\x89PNG\r\n\x1a\n\0\0",
        md__sources__README_DOT_md=b"about the set",
    )
    code = main(["ingest", "--data", str(folder), "--out", str(tmp_path / "out"), "--json"], lambda: INGEST)
    said = capsys.readouterr()
    body = json.loads(said.out)
    assert (code, body["suite"], body["n"]) == (1, "ingest", 2)
    assert body["metrics"]["handled"]["value"] == body["metrics"]["read"]["value"] == 0.5
    assert body["metrics"]["similarity"]["value"] == body["metrics"]["md.similarity"]["value"] == 0.8
    assert body["metrics"]["headings_f1"]["value"] == 1.0
    assert "1 of 2 files were read or refused for the true reason: not md/sources/b.md" in said.err


def test_a_known_refusal_is_true_only_for_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data(tmp_path, x__dots_list_DOT_json=b'[{"a": 1}', y__dots_list_DOT_json=b"[1,,2]")
    main(["ingest", "--data", str(folder), "--out", str(tmp_path / "out"), "--json"], lambda: INGEST)
    assert json.loads(capsys.readouterr().out)["metrics"]["handled"]["value"] == 0.5


def test_a_folder_without_files_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", "--data", str(tmp_path), "--out", str(tmp_path / "out")], lambda: INGEST) == 2
    assert "There are no files to read" in capsys.readouterr().err
