"""Names of sources: the same file has the same name however the path is spelled."""

import os
from pathlib import Path

import pytest

from contracts.errors import BadRequest
from ingest.walk import walk


@pytest.fixture
def handbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "handbook"
    for name in (
        "leave.md",
        "faq.jsonl",
        "hr/pay.md",
        ".git/config.md",
        "hr/.draft.md",
        "logo.png",
        "Makefile",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    monkeypatch.chdir(tmp_path)
    return folder


def sources(*arguments: str) -> list[str]:
    return [file.source for file in walk(arguments).files]


def test_every_spelling_of_a_folder_gives_the_same_sources(handbook: Path) -> None:
    expected = ["handbook/Makefile", "handbook/faq.jsonl", "handbook/hr/pay.md", "handbook/leave.md"]
    for spelling in (
        "handbook",
        "./handbook/",
        str(handbook),
        "handbook/hr/..",
        "../" + handbook.parent.name + "/handbook",
    ):
        assert sources(spelling) == expected
    os.chdir(handbook)
    assert sources(".") == expected


def test_a_file_and_a_pattern_agree_with_their_folder(handbook: Path) -> None:
    assert sources("handbook/leave.md") == ["handbook/leave.md"]
    assert sources("handbook/*.md") == ["handbook/leave.md"]
    assert sources("handbook/**/*.md") == ["handbook/hr/pay.md", "handbook/leave.md"]
    assert sources("handbook", "handbook/leave.md") == sources("handbook")


def test_files_of_other_kinds_are_counted_and_hidden_ones_ignored(handbook: Path) -> None:
    assert walk(["handbook"]).skipped == {"png": 1}


def test_a_named_file_is_tried_whatever_its_kind(handbook: Path) -> None:
    assert sources("handbook/logo.png") == ["handbook/logo.png"]


def test_links_that_lead_out_of_the_root_are_not_followed(handbook: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.md").write_text("x")
    (handbook / "link.md").symlink_to(tmp_path / "secret.md")
    (handbook / "dir").symlink_to(tmp_path / "other")
    (handbook / "loop").symlink_to(handbook)
    (handbook / "inner.md").symlink_to(handbook / "leave.md")
    assert sources("handbook/*.md", "handbook") == [
        "handbook/Makefile",
        "handbook/faq.jsonl",
        "handbook/hr/pay.md",
        "handbook/inner.md",
        "handbook/leave.md",
    ]


def test_two_files_of_one_name_are_both_left_out(handbook: Path, tmp_path: Path) -> None:
    twin = tmp_path / "old" / "handbook"
    twin.mkdir(parents=True)
    (twin / "leave.md").write_text("older")
    found = walk(["handbook", "old/handbook"])
    assert "handbook/leave.md" not in [file.source for file in found.files]
    assert list(found.clashes) == ["handbook/leave.md"]


def test_a_file_whose_name_is_no_text_is_reported_and_the_rest_go_on(handbook: Path) -> None:
    Path(os.fsdecode(os.fsencode(handbook) + b"/caf\xe9.md")).write_text("Coffee.")
    found = walk(["handbook"])
    assert "handbook/leave.md" in [file.source for file in found.files]
    assert list(found.clashes) == ["handbook/caf\ufffd.md"]
    assert "is not UTF-8" in found.clashes["handbook/caf\ufffd.md"]


def test_a_path_that_names_nothing_is_bad_usage(handbook: Path) -> None:
    for argument in ("nothing", "handbook/*.xyz"):
        with pytest.raises(BadRequest):
            walk([argument])
