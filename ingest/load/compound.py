"""The container of old Office files and Outlook messages (compound file, [MS-CFB]), read by olefile."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import olefile

from contracts.errors import UnreadableDocument


@contextmanager
def opened(data: bytes, source: str) -> Generator[Any]:
    """Open the container; raises UnreadableDocument for one that is damaged."""
    try:
        file = olefile.OleFileIO(io.BytesIO(data))
    except (OSError, ValueError, IndexError, TypeError) as cause:
        raise UnreadableDocument(f"{source} is damaged: its container cannot be opened.") from cause
    with file:
        yield file


def stream_of(file: Any, name: str) -> bytes:
    """Return a stream's bytes, none where there is no such stream."""
    if not file.exists(name) or file.get_type(name) != olefile.STGTY_STREAM:
        return b""
    return file.openstream(name).read()


def title_of(file: Any) -> str:
    """Return the title that the summary information gives, "" where it gives none."""
    if not file.exists("\x05SummaryInformation"):
        return ""
    try:
        properties = file.getproperties("\x05SummaryInformation", convert_time=False)
    except (OSError, ValueError, IndexError, TypeError, KeyError, AttributeError):
        return ""
    raw = properties.get(2)
    text = raw.decode("cp1252", "replace") if isinstance(raw, bytes) else str(raw or "")
    return " ".join(text.replace("\0", " ").split())
