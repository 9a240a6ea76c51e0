"""Files to documents: one small module a format. Every failure is an UnreadableDocument that names the file."""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.files import LARGEST, read
from ingest.load.decode import to_text
from ingest.load.kinds import kind_by_name, kind_of

VERSION: Final = 2
"""Raised with every change of what the loaders make of a file: unchanged files are then read again."""

FROM_BYTES: Final = {
    "pdf": "pdf.load_pdf",
    "docx": "word.load_word",
    "xlsx": "workbook.load_workbook",
    "xlsb": "legacy_sheets.load_legacy_sheets",
    "xls": "legacy_sheets.load_legacy_sheets",
    "pptx": "slides.load_slides",
    "odf": "opendocument.load_opendocument",
    "epub": "epub.load_epub",
    "doc": "legacy_word.load_legacy_word",
    "ppt": "legacy_slides.load_legacy_slides",
    "image": "picture.load_picture",
}
WITH_PARTS: Final = {"mail": "mail.load_mail", "msg": "outlook.load_outlook"}
"""What holds files of other kinds."""
FROM_TEXT: Final = {
    "markdown": "markdown.load_markdown",
    "plain": "plain.load_plain",
    "asciidoc": "asciidoc.load_asciidoc",
    "restructured": "restructured.load_restructured",
    "html": "hypertext.load_hypertext",
    "xml": "tagged.load_tagged",
    "captions": "captions.load_captions",
    "rows": "rows.load_rows",
    "json": "records.load_json",
    "jsonl": "records.load_lines",
    "code": "program.load_program",
}
"""Each kind's module and function, imported with the first file of the kind: PDFium alone takes 40 ms."""


def load(path: Path, source: str, limit: int = LARGEST) -> Document:
    """Return the file's text and structure under the name `source`.

    Raises UnreadableDocument, or TooLarge over `limit` bytes.
    """
    return load_bytes(read(path, source, limit), source)


def load_bytes(data: bytes, source: str, name: str = "") -> Document:
    """Return the document that the bytes hold; `name` tells its kind where the source does not, as for a page.

    Raises UnreadableDocument, whatever its parser stumbles over, and MemoryError.
    """
    if not data.strip():
        raise UnreadableDocument(f"{source} is empty.")
    kind = kind_of(name or source, data)
    try:
        document = parse(kind, data, source)
    except (UnreadableDocument, MemoryError):
        raise
    # It must be broad: many parsers meet files that were made to break them, and any of their failures, a
    # KeyError as well as a zlib.error, means the same to the sender. Memory is the machine's matter, not damage.
    except Exception as cause:
        raise UnreadableDocument(f"{source} is damaged: it cannot be read as {kind}.") from cause
    if not any(document.text[section.start : section.end].strip() for section in document.sections):
        raise UnreadableDocument(f"{source} holds no text.")
    return document


def parse(kind: str, data: bytes, source: str) -> Document:
    """Return what the kind's loader makes of the bytes."""
    if kind in FROM_BYTES:
        return loader(FROM_BYTES[kind])(data, source)
    if kind in WITH_PARTS:
        return loader(WITH_PARTS[kind])(data, source, load_bytes)
    text = to_text(data)
    if text is None:
        raise UnreadableDocument(f"{source} is not text: it holds binary data.")
    return loader(FROM_TEXT[kind])(text, source)


def loader(place: str) -> Any:
    """Return the function at a place such as `pdf.load_pdf`."""
    module, _, name = place.partition(".")
    return getattr(import_module(f"ingest.load.{module}"), name)


__all__ = ["VERSION", "kind_by_name", "load", "load_bytes"]
