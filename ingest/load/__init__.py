"""Files to documents: one small module a format. Every failure is an UnreadableDocument that names the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.files import LARGEST, read
from ingest.load.decode import to_text
from ingest.load.hypertext import load_hypertext
from ingest.load.kinds import kind_by_name, kind_of
from ingest.load.markdown import load_markdown
from ingest.load.pdf import load_pdf
from ingest.load.plain import load_plain
from ingest.load.program import load_program
from ingest.load.records import load_json, load_lines
from ingest.load.restructured import load_restructured
from ingest.load.rows import load_rows
from ingest.load.word import load_word

VERSION: Final = 1
"""Raised with every change of what the loaders make of a file: unchanged files are then read again."""

FROM_BYTES: Final[dict[str, Callable[[bytes, str], Document]]] = {"pdf": load_pdf, "docx": load_word}
FROM_TEXT: Final[dict[str, Callable[[str, str], Document]]] = {
    "markdown": load_markdown,
    "plain": load_plain,
    "restructured": load_restructured,
    "html": load_hypertext,
    "rows": load_rows,
    "json": load_json,
    "jsonl": load_lines,
    "code": load_program,
}


def load(path: Path, source: str, limit: int = LARGEST) -> Document:
    """Return the file's text and structure under the name `source`.

    Raises UnreadableDocument, or TooLarge over `limit` bytes.
    """
    return load_bytes(read(path, source, limit), source)


def load_bytes(data: bytes, source: str) -> Document:
    """Return the document that the bytes hold.

    Raises UnreadableDocument, whatever its parser stumbles over, and MemoryError.
    """
    if not data.strip():
        raise UnreadableDocument(f"{source} is empty.")
    kind = kind_of(source, data)
    try:
        document = parse(kind, data, source)
    except (UnreadableDocument, MemoryError):
        raise
    # It must be broad: eight parsers meet files that were made to break them, and any of their failures, a
    # KeyError as well as a zlib.error, means the same to the sender. Memory is the machine's matter, not damage.
    except Exception as cause:
        raise UnreadableDocument(f"{source} is damaged: it cannot be read as {kind}.") from cause
    if not any(document.text[section.start : section.end].strip() for section in document.sections):
        raise UnreadableDocument(f"{source} holds no text.")
    return document


def parse(kind: str, data: bytes, source: str) -> Document:
    """Return what the kind's loader makes of the bytes."""
    if kind in FROM_BYTES:
        return FROM_BYTES[kind](data, source)
    text = to_text(data)
    if text is None:
        raise UnreadableDocument(f"{source} is not text: it holds binary data.")
    return FROM_TEXT[kind](text, source)


__all__ = ["VERSION", "kind_by_name", "load", "load_bytes"]
