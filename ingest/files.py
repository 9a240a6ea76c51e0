"""The bytes of a file as they were at one moment: never from a pipe, never half of one version and half of the next."""

import os
import stat
from pathlib import Path
from typing import Final

from contracts.errors import TooLarge, UnreadableDocument

LARGEST: Final = 50_000_000
"""Bytes of one file."""
TRIES: Final = 3
"""Times that a file which changes meanwhile is read anew."""
SPECIAL: Final = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def read(path: Path, source: str, limit: int = LARGEST) -> bytes:
    """Return the file's bytes, no more than `limit` of which are ever read.

    Raises TooLarge, and UnreadableDocument for what is no file, cannot be opened, or does not hold still.
    """
    for _ in range(TRIES):
        try:
            data = whole(path, source, limit)
        except OSError as cause:
            said = cause.strerror or "no such file"
            raise UnreadableDocument(f"{source} cannot be opened: {said}.") from cause
        if data is not None:
            return data
    raise UnreadableDocument(
        f"{source} changes while it is read: ingest it again once nothing writes to it any more."
    )


def whole(path: Path, source: str, limit: int) -> bytes | None:
    """Return the bytes, or None where the file changed between the first and the last of them."""
    require_file(os.stat(path), source)  # before it is opened: opening a device can do something
    with open(path, "rb", opener=without_waiting) as file:
        before = os.fstat(file.fileno())
        require_file(before, source)
        require_size(before.st_size, source, limit)
        data = file.read(limit + 1)
        after = os.fstat(file.fileno())
    require_size(len(data), source, limit)
    same = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    return data if same and len(data) == after.st_size else None


def without_waiting(name: str, flags: int) -> int:
    """Open without waiting for anybody: what was a file a moment ago may be a pipe by now."""
    return os.open(name, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def special(mode: int) -> str:
    """Return what the mode says it is instead of a file: `pipe`, `socket`; "" for a file."""
    if stat.S_ISREG(mode):
        return ""
    return next((name for test, name in SPECIAL if test(mode)), "special file")


def require_file(found: os.stat_result, source: str) -> None:
    """Raise UnreadableDocument for anything but a regular file."""
    if name := special(found.st_mode):
        raise UnreadableDocument(f"{source} is a {name}, not a file: leave it out, or save what it holds.")


def require_size(size: int, source: str, limit: int = LARGEST) -> None:
    """Raise TooLarge over the limit."""
    if size > limit:
        shown = f"{limit / 1e6:,.0f} MB" if limit >= 1e6 else f"{limit:,} bytes"
        raise TooLarge(
            f"{source} is larger than {shown}, the limit: split it, or raise SWITCHBOARD_MAX_UPLOAD."
        )
