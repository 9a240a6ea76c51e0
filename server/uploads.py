"""An upload as it lies on the disk until it is indexed, and the names that it may have."""

import json
import logging
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts.errors import BadRequest, Unknown
from contracts.identity import Identity
from ports.web_address import is_url
from store import jobs
from store.engine import Database

logger = logging.getLogger("switchboard.jobs")

NAME_LIMIT: Final = 200
TOLD: Final = 10
"""Of the line, so many at its front are told of each step."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that was accepted."""

    job_id: str
    who: Identity
    source: str
    groups: list[str] | None


class Line:
    """Uploads that wait for a place, in their order: each is told how many are before it."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[int], None]] = []

    def join(self, place: Callable[[int], None]) -> None:
        """Stand at the end."""
        place(len(self._waiting))
        self._waiting.append(place)

    def leave(self, place: Callable[[int], None]) -> None:
        """Go, and tell those behind; of a long line the front, and every tenth."""
        if place not in self._waiting:
            return
        at = self._waiting.index(place)
        del self._waiting[at]
        for ahead, other in enumerate(self._waiting[at:], at):
            if ahead < TOLD or ahead % TOLD == 0:
                other(ahead)


def read_note(note: Path) -> Upload:
    """Return the upload that a note tells of. Raises ValueError for one that was cut off."""
    said = json.loads(note.read_text())
    return Upload(said["job_id"], who_of(said["who"]), said["source"], said["groups"])


def cut_off(source: str) -> str:
    return f"{source} did not arrive whole. Upload it again."


def require_name(name: str) -> str:
    """Return the source's name. Raises BadRequest for an address, and for what is empty, too long or leads out."""
    if is_url(name.strip()):
        raise BadRequest(
            f'A file\'s name cannot be an address, as {name.strip()[:80]!r} is: send {{"url": …}} as JSON.'
        )
    parts = [part for part in re.split(r"[/\\]+", name.strip()) if part not in ("", ".")]
    shown = name[:80]
    if not parts:
        raise BadRequest(f"The file's name is {shown!r}. Give it one that says what it is.")
    if ".." in parts or name.startswith(("/", "\\")) or any(ord(letter) < 32 for letter in name):
        raise BadRequest(
            f"The name {shown!r} leaves its folder or holds control characters. Send a plain file name."
        )
    source = "/".join(parts)
    if len(source) > NAME_LIMIT:
        raise BadRequest(f"The file's name has {len(source)} characters; the limit is {NAME_LIMIT}.")
    return source


def who_of(said: Mapping[str, Any]) -> Identity:
    """Return whose upload it is."""
    known: dict[str, Any] = {**said, "groups": tuple(said.get("groups", ()))}
    return Identity(**known)


async def give_up(draft: Path, database: Database) -> None:
    """End an upload that had not arrived whole when its server died."""
    try:
        upload = read_note(draft)
    except ValueError:  # the crash came while it was written
        logger.warning("%s holds no upload", draft.parent.name)
    else:
        with suppress(Unknown):
            await jobs.finish(database, upload.who, upload.job_id, "failed", error=cut_off(upload.source))
    shutil.rmtree(draft.parent, ignore_errors=True)
