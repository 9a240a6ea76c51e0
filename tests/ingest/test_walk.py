"""Names of sources: the same file has the same name however the path is spelled."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import BadRequest
from ingest.walk import UNNAMEABLE, Root, walk


@pytest.fixture
def handbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "handbook"
    for name in (
        "leave.md",
        "faq.jsonl",
        "hr/pay.md",
        ".git/config.md",
        "hr/.draft.md",
        "talk.mp4",
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


def test_what_is_not_read_is_counted_by_its_kind(handbook: Path, tmp_path: Path) -> None:
    (handbook / "loop").symlink_to(handbook)
    (handbook / "out.md").symlink_to(tmp_path / "secret.md")
    (tmp_path / "secret.md").write_text("secret")
    (handbook / "nowhere.md").symlink_to(handbook / "missing")
    os.mkfifo(handbook / "pipe.md")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("handbook/socket.md")
        found = walk(["handbook"])
    assert found.skipped == {
        "mp4": 1,
        "hidden": 2,
        "linked folder": 1,
        "link to outside": 1,
        "broken link": 1,
        "pipe": 1,
        "socket": 1,
    }
    assert len(found.files) == 4


def test_a_named_file_is_tried_whatever_its_kind(handbook: Path) -> None:
    assert sources("handbook/talk.mp4") == ["handbook/talk.mp4"]


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


@pytest.mark.parametrize("name", [b"caf\xe9.md", b"two\nlines.md", b"\x1b[2J.md"])
def test_a_name_that_no_answer_could_cite_is_reported(handbook: Path, name: bytes) -> None:
    (handbook / os.fsdecode(name)).write_text("Coffee.")
    found = walk(["handbook"])
    (source, said), = found.clashes.items()  # fmt: skip
    assert source.isprintable()
    assert said == f"{source}: this name {UNNAMEABLE}"


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder with a file that may be read and a folder that may not be listed, seen by a user without rights."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)  # pytest's own folders are root's alone
        docs = Path(place, "docs")
        (docs / "locked").mkdir(parents=True)
        (docs / "open.md").write_text("Open.")
        (docs / "locked" / "in.md").write_text("Locked.")
        (docs / "locked").chmod(0)
        if was := os.geteuid():
            yield docs
        else:
            os.seteuid(65534)
            yield docs
            os.seteuid(was)
        (docs / "locked").chmod(0o700)


def test_a_folder_that_may_not_be_listed_is_named(locked: Path) -> None:
    found = walk([str(locked)])
    assert [file.source for file in found.files] == ["docs/open.md"]
    assert found.clashes == {
        "docs/locked": "docs/locked cannot be listed: Permission denied. What is in it was left out."
    }


def test_what_cannot_be_looked_at_is_not_gone(locked: Path) -> None:
    root = Root(locked, "docs/*")
    assert not root.gone("docs/locked/in.md")
    assert root.gone("docs/other.md")


def test_what_is_neither_file_nor_folder_is_called_what_it_is(handbook: Path) -> None:
    os.mkfifo(handbook / "pipe.md")
    (handbook / "nowhere.md").symlink_to(handbook / "missing")
    for name, kind in (("pipe.md", "pipe"), ("nowhere.md", "link that leads nowhere")):
        with pytest.raises(BadRequest, match=f"is a {kind}, neither a file nor a folder"):
            walk([f"handbook/{name}"])


def test_a_pattern_follows_no_linked_folder(handbook: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.md").write_text("x")
    (handbook / "dir").symlink_to(tmp_path / "other")
    (handbook / "loop").symlink_to(handbook)
    assert sources("handbook/**/*.md") == ["handbook/hr/pay.md", "handbook/leave.md"]
    assert sources("handbook/dir/*.md") == ["dir/x.md"]


def test_a_path_that_names_nothing_is_bad_usage(handbook: Path) -> None:
    for argument in ("nothing", "handbook/*.xyz"):
        with pytest.raises(BadRequest):
            walk([argument])
