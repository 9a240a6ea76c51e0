"""The data folder and its one owner.

Embedded, one process holds the index, the database and the log. The lock is the kernel's (`flock`), so
it goes with its process, kill -9 included; the note beside it tells others how to reach the owner.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from contracts.errors import FolderInUse, SetupError


@dataclass(frozen=True, slots=True)
class Owner:
    """How to reach the process that owns the folder."""

    pid: int
    url: str
    token: str
    """Acts as operator on the owner's HTTP interface; readable by the folder's user alone."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder that this process owns."""

    path: Path
    token: str

    def announce(self, url: str) -> None:
        """Tell other processes of this user where the owner serves."""
        note = _note(self.path)
        fresh = note.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(Owner(os.getpid(), url, self.token)), file)
        fresh.replace(note)


def _note(path: Path) -> Path:
    return path / "owner.json"


@contextmanager
def own(path: Path) -> Generator[Folder]:
    """Own the folder until the block ends.

    Raises FolderInUse where another process owns it, SetupError where it cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (path / "owner.lock").open("w")
    except OSError as error:
        raise SetupError(
            f"The data folder {str(path)!r} cannot be written ({error.strerror}). "
            "Set SWITCHBOARD_DATA_DIR to a folder that this user may write."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(
                f"The data folder {str(path)!r} is in use by another Switchboard process. "
                "Use that one, stop it, or set SWITCHBOARD_DATA_DIR to another folder."
            ) from error
        _note(path).unlink(missing_ok=True)
        try:
            yield Folder(path.resolve(), secrets.token_urlsafe(32))
        finally:
            _note(path).unlink(missing_ok=True)


def owner_of(path: Path) -> Owner | None:
    """Return who owns the folder and serves, or None."""
    try:
        with (path / "owner.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except BlockingIOError:
        pass
    except OSError:
        return None
    try:
        return Owner(**json.loads(_note(path).read_text()))
    except (OSError, ValueError, TypeError):
        return None
