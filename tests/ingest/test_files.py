"""The bytes of a file: of a regular one alone, whole or not at all."""

import os
import socket
from pathlib import Path

import pytest

from contracts.errors import TooLarge, UnreadableDocument
from ingest.files import read


def refusal(path: Path) -> str:
    with pytest.raises(UnreadableDocument) as refused:
        read(path, "x/a.md")
    return refused.value.message


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0\xff\r\n")
    assert read(tmp_path / "a", "x/a") == b"\0\xff\r\n"


def test_what_is_no_file_is_called_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(tmp_path / "socket"))
        said = [
            refusal(path) for path in (tmp_path / "pipe", tmp_path / "socket", Path("/dev/null"), tmp_path)
        ]
    kinds = ("pipe", "socket", "device", "folder")
    assert said == [f"x/a.md is a {kind}, not a file: leave it out, or save what it holds." for kind in kinds]


def test_what_has_gone_or_leads_in_circles_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refusal(tmp_path / "gone") == "x/a.md cannot be opened: No such file or directory."
    assert refusal(tmp_path / "loop") == "x/a.md cannot be opened: Too many levels of symbolic links."


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_a_file_that_does_not_hold_still_is_refused() -> None:
    """Its size is never that of what is read, as with a file that somebody writes to."""
    assert refusal(Path("/proc/self/status")) == (
        "x/a.md changes while it is read: ingest it again once nothing writes to it any more."
    )


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no place
    with pytest.raises(
        TooLarge, match="x/huge is larger than 50 MB, the limit: split it, or raise SWITCHBOARD_"
    ):
        read(tmp_path / "huge", "x/huge")
