"""Outlook messages (.msg): the properties of [MS-OXMSG] that hold a mail's headers, body and attachments."""

import io
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import olefile

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.decode import to_text
from ingest.load.mail import MOST, Letter, LoadBytes, written

SUBJECT, SENDER, ADDRESS, SMTP, TO, CC = "0037", "0C1A", "0C1F", "5D01", "0E04", "0E03"
BODY, HTML, RTF, HEADERS = "1000", "1013", "1009", "007D"
SENT: Final = (0x0039, 0x0E06)
"""Client submit time, delivery time."""
NAME, SHORT, DATA = "3707", "3704", "3701"
DISPLAY: Final = "3001"
BINARY, WIDE, NARROW, OBJECT = "0102", "001F", "001E", "000D"
EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
HEADER: Final = {0: 32, 1: 24, 2: 8}
"""Bytes before the first fixed property: of the message, of one in it, of an attachment."""

Path = tuple[str, ...]


def load_outlook(data: bytes, source: str, load: LoadBytes) -> Document:
    """Return the document; `load` reads the attachments."""
    with olefile.OleFileIO(io.BytesIO(data)) as file:
        letter = Message(file).letter(())
    if not (letter.text or letter.html or letter.attachments or letter.headers.get("Subject")):
        raise UnreadableDocument(f"{source} is an Outlook item without subject, text or attachment.")
    return written(letter, source, load)


class Message:
    """Reads a message and those attached to it from one file."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def letter(self, at: Path) -> Letter:
        """Return the message at a place in the file."""
        sender, address = self.string(at, SENDER), self.string(at, SMTP) or self.string(at, ADDRESS)
        mail = f" <{address}>" if "@" in address and address != sender else ""
        letter = Letter(
            {
                "From": f"{sender}{mail}".strip(),
                "To": self.string(at, TO),
                "Cc": self.string(at, CC),
                "Date": self.sent(at),
                "Subject": self.string(at, SUBJECT),
            },
            text=self.string(at, BODY),
        )
        if not letter.text.strip():
            raw = self.binary(at, HTML)
            letter.html = (to_text(raw) or "") if raw else self.string(at, HTML)
        for name in sorted(self.below(at, "__attach_version1.0_"))[:MOST]:
            found = self.attachment((*at, name))
            if found is not None:
                letter.attachments.append(found)
        return letter

    def attachment(self, at: Path) -> tuple[str, bytes] | None:
        """Return an attachment's name and content; one that is a message itself as text."""
        name = self.string(at, NAME) or self.string(at, SHORT) or self.string(at, DISPLAY) or "attachment"
        inner = (*at, f"__substg1.0_{DATA}{OBJECT}")
        if self.file.exists("/".join(inner)) and self.below(inner, "__properties_version1.0"):
            letter = self.letter(inner)
            lines = [f"{key}: {value}" for key, value in letter.headers.items() if value]
            return f"{name}.txt", "\n".join([*lines, "", letter.text or letter.html]).encode()
        data = self.binary(at, DATA)
        return (" ".join(name.split()), data) if data else None

    def below(self, at: Path, start: str) -> set[str]:
        """Return the names of what begins so at a place."""
        depth = len(at)
        entries: Sequence[list[str]] = self.file.listdir(streams=True, storages=True)
        return {
            entry[depth]
            for entry in entries
            if len(entry) > depth and tuple(entry[:depth]) == at and entry[depth].startswith(start)
        }

    def stream(self, at: Path, name: str) -> bytes:
        """Return a stream's bytes, none where there is no such stream."""
        path = "/".join((*at, name))
        if not self.file.exists(path) or self.file.get_type(path) != olefile.STGTY_STREAM:
            return b""
        return self.file.openstream(path).read()

    def binary(self, at: Path, tag: str) -> bytes:
        """Return a binary property."""
        return self.stream(at, f"__substg1.0_{tag}{BINARY}")

    def string(self, at: Path, tag: str) -> str:
        """Return a text property, of either kind."""
        wide = self.stream(at, f"__substg1.0_{tag}{WIDE}")
        if wide:
            return wide.decode("utf-16-le", "replace").strip("\0")
        narrow = self.stream(at, f"__substg1.0_{tag}{NARROW}")
        return (to_text(narrow.strip(b"\0")) or "") if narrow.strip(b"\0") else ""

    def sent(self, at: Path) -> str:
        """Return when the message was sent, "" where that is unknown."""
        raw = self.stream(at, "__properties_version1.0")
        skipped = HEADER[0] if not at else HEADER[1]
        times: dict[int, int] = {}
        for start in range(skipped, len(raw) - 15, 16):
            tag, value = struct.unpack_from("<I4xQ", raw, start)
            if tag & 0xFFFF == 0x0040:
                times[tag >> 16] = value
        ticks = next((times[tag] for tag in SENT if times.get(tag)), 0)
        if not 0 < ticks < 9_000_000 * 10**12:
            return ""
        return f"{EPOCH + timedelta(microseconds=ticks // 10):%Y-%m-%d %H:%M} UTC"
