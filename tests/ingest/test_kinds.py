"""A file is what both its name and its content say."""

from pathlib import Path

import pytest

from contracts.errors import TooLarge, UnreadableDocument
from ingest.load import load, load_bytes
from tests.ingest.files import archive, pdf


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (
            "a.md",
            b"\x89PNG\r\n\x1a\n\0\0",
            "a.md is named .md but holds an image: rename it to .png or .jpg.",
        ),
        ("a.md", bytes(range(256)) * 9, "a.md is not text: it holds binary data."),
        ("a.md", pdf("x"), "a.md is named .md but holds a PDF file: rename it to .pdf."),
        ("a.pdf", b"<html>404</html>", "a.pdf is named .pdf but does not begin like one"),
        (
            "a.docx",
            archive(("xl/workbook.xml", b"<x/>")),
            "a.docx is named .docx but holds an Excel workbook: rename it to .xlsx.",
        ),
        ("a.txt", b"", "a.txt is empty."),
        ("a.md", b" \n\t\n", "a.md is empty."),
        ("a.md", b"---\ntitle: only\n---\n", "a.md holds no text."),
        (
            "a.doc",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage\0".encode("utf-16-le"),
            "locked with a password",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as refused:
        load_bytes(data, name)
    assert reason in refused.value.message
    assert refused.value.code == "unreadable_document"


def test_a_file_without_a_known_name_is_read_by_its_content() -> None:
    assert load_bytes(pdf("Hello."), "download").text == "Hello."
    assert load_bytes(b"<!DOCTYPE html><p>Hello.</p>", "page").text == "Hello."
    assert load_bytes(b"Hello.", "notes.v2").text == "Hello."


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    path.write_bytes(b"x" * 2_000_001)
    with pytest.raises(TooLarge, match=r"big\.txt is larger than 2 MB"):
        load(path, "big.txt", limit=2_000_000)


def test_a_missing_file_is_named_without_its_place(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument) as refused:
        load(tmp_path / "gone.txt", "gone.txt")
    assert refused.value.message == "gone.txt cannot be opened: No such file or directory."
