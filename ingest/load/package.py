"""The zip archive around a DOCX file, read with limits that are checked before anything is unpacked."""

import io
import zipfile
import zlib
from typing import Final

from contracts.errors import UnreadableDocument

MOST_MEMBERS: Final = 10_000
LARGEST_TOTAL: Final = 500_000_000
"""Bytes, unpacked."""
LARGEST_PART: Final = 100_000_000
"""Bytes of one XML part, unpacked: what is really parsed."""
HIGHEST_RATIO: Final = 200
"""Unpacked to packed, judged from 1 MB on. XML of real documents reaches about 50; a bomb about 1,000."""
JUDGED_FROM: Final = 1_000_000


class Package:
    """An archive that has passed the limits."""

    def __init__(self, data: bytes, source: str) -> None:
        self.source = source
        try:
            self.archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as cause:
            raise self.damaged() from cause
        self.require_harmless()

    def require_harmless(self) -> None:
        """Raise UnreadableDocument for an archive that would unpack to far more than a document."""
        members = self.archive.infolist()
        total = sum(member.file_size for member in members)
        if len(members) > MOST_MEMBERS:
            raise self.bomb(f"{len(members):,} members (the limit is {MOST_MEMBERS:,})")
        if total > LARGEST_TOTAL:
            raise self.bomb(f"{total:,} bytes (the limit is {LARGEST_TOTAL:,})")
        for member in members:
            ratio = member.file_size / max(member.compress_size, 1)
            if member.file_size > JUDGED_FROM and ratio > HIGHEST_RATIO:
                raise self.bomb(f"{ratio:,.0f} times its size (the limit is {HIGHEST_RATIO})")
            if member.flag_bits & 1:
                raise UnreadableDocument(f"{self.source} is locked with a password: save a copy without one.")

    def read(self, name: str) -> bytes | None:
        """Return one part, or None where the archive has none of that name."""
        try:
            with self.archive.open(name) as part:
                data = part.read(LARGEST_PART + 1)
        except KeyError:
            return None
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            OSError,
            RuntimeError,
        ) as cause:
            raise self.damaged() from cause
        if len(data) > LARGEST_PART:
            raise self.bomb(f"more than {LARGEST_PART:,} bytes in one part")
        return data

    def bomb(self, what: str) -> UnreadableDocument:
        """Return the refusal that names the limit."""
        return UnreadableDocument(f"{self.source} is refused as a zip bomb: it would unpack to {what}.")

    def damaged(self) -> UnreadableDocument:
        """Return the refusal of an archive that cannot be unpacked."""
        return UnreadableDocument(f"{self.source} is damaged: it cannot be unpacked as a DOCX file.")
