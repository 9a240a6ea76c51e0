"""Which files need work: told by what the file system says of them, else by their content.

What the file system says is trusted only where it was noted well after the file's last change: a file that is written
twice within one tick of its clock looks the same and is not (git calls this racy). Its change time is part of it, which
no program can set back, so an edit of the same size with the old modification time is seen too.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contracts.errors import SwitchboardError
from ingest.files import read
from ingest.load import VERSION
from ingest.parts import Parts, identity_of
from ingest.split import VERSION as SPLIT_VERSION
from ingest.walk import Found, printable
from ingest.worker import fingerprint
from store import documents
from store.documents import Noted

RACY_NS: Final = 2_000_000_000
"""Nanoseconds after a file's last change in which its times are not trusted: the coarsest clock of a file system (FAT)
ticks every 2 s."""
AT_ONCE: Final = 32
"""Files that are read in a thread before progress is told."""

END: Final = "\n"
"""Between what the file system says of a file and the folder below which it has its name."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file whose content the index does not hold under this name."""

    file: Found
    version: str
    """Empty where it cannot be read, which its reader will explain."""
    stat: str
    old: str = ""
    """The version that the index holds under this name; empty for none."""
    twin: str = ""
    """Another document with the very same content; empty for none."""


@dataclass(slots=True)
class Sifted:
    """What a page of files comes to."""

    same: list[Found] = field(default_factory=list[Found])
    regrouped: list[Found] = field(default_factory=list[Found])
    """The content is the same, and others are to read it."""
    changed: list[Change] = field(default_factory=list[Change])
    stats: dict[str, str] = field(default_factory=dict[str, str])
    """What to note of files whose content had to be read to see that it is the same."""
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Sources that another file has already, which still exists, and the sentence that says so."""


async def sift(
    page: Sequence[Found],
    tenant: str,
    parts: Parts,
    groups: Sequence[str] | None = None,
    *,
    check: bool = False,
) -> Sifted:
    """Tell apart what the index holds as it is. `check`: read every file, whatever the file system says.

    An index that was set up anew beside an old database holds nothing.
    """
    who = identity_of(tenant)
    noted = await documents.noted(parts.database, who, [file.source for file in page])
    held = await parts.collection.held(tenant, {source: one.version for source, one in noted.items()})
    there = {source: one for source, one in noted.items() if source in held}
    sifted = Sifted()
    open_: list[Change] = []
    stats = await asyncio.to_thread(lambda: [note_of(file) for file in page])
    sifted.refused = await asyncio.to_thread(taken, page, noted)
    for file, stat in zip(page, stats, strict=True):
        if file.source in sifted.refused:
            continue
        known = there.get(file.source)
        if known and not check and stat.partition(END)[0] and stat == known.stat:
            settle(file, known, groups, sifted)
        else:
            old = noted[file.source].version if file.source in noted else ""
            open_.append(Change(file, "", stat, old))
    for at in range(0, len(open_), AT_ONCE):
        part = open_[at : at + AT_ONCE]
        versions = await asyncio.to_thread(
            lambda part=part: [digest_of(one.file, parts.limit) for one in part]
        )
        for one, version in zip(part, versions, strict=True):
            known = there.get(one.file.source)
            if version and known and known.version == version:
                settle(one.file, known, groups, sifted)
                if one.stat and one.stat != known.stat:
                    sifted.stats[one.file.source] = one.stat
            else:
                sifted.changed.append(Change(one.file, version, one.stat, one.old))
    await find_twins(sifted, tenant, parts)
    return sifted


def note_of(file: Found) -> str:
    """Return what is noted of a file: what the file system says of it, and below which folder it has its name."""
    above = file.above()
    return f"{stat_of(file.path)}{END}{above}" if above else stat_of(file.path)


def origin_of(note: str) -> str:
    """Return the folder below which the file of a note has its name; "" where none was noted."""
    return note.partition(END)[2]


def taken(page: Sequence[Found], noted: Mapping[str, Noted]) -> dict[str, str]:
    """Return the sources that are another file's, with the sentence: one that still exists and is not the same file.

    A file that is gone gives its name away, so that a folder may move.
    """
    found: dict[str, str] = {}
    for file in page:
        other = origin_of(noted[file.source].stat) if file.source in noted else ""
        if other and other != file.above() and different(Path(other + file.source), file.path):
            found[file.source] = (
                f"{file.source} is the name of {printable(other + file.source)} already: ingest the folder above "
                f"both, or rename one."
            )
    return found


def different(there: Path, here: Path) -> bool:
    """Tell whether both exist and are two files."""
    try:
        return not there.samefile(here)
    except OSError:
        return False


def settle(file: Found, known: Noted, groups: Sequence[str] | None, sifted: Sifted) -> None:
    """Put a file of unchanged content where it belongs."""
    same = groups is None or sorted(set(groups)) == known.groups
    (sifted.same if same else sifted.regrouped).append(file)


async def find_twins(sifted: Sifted, tenant: str, parts: Parts) -> None:
    """Note for each changed file a document that has its content under another name."""
    wanted = [one.version for one in sifted.changed if one.version]
    twins = await documents.twins(parts.database, identity_of(tenant), wanted) if wanted else {}
    if twins:
        sifted.changed = [with_twin(one, twins) for one in sifted.changed]


def with_twin(change: Change, twins: Mapping[str, str]) -> Change:
    twin = twins.get(change.version, "")
    if not twin or twin == change.file.source:
        return change
    return Change(change.file, change.version, change.stat, change.old, twin)


def stat_of(path: Path) -> str:
    """Return what the file system says of a file, with the code that would read it; "" where it proves nothing."""
    try:
        said = path.stat()
    except OSError:
        return ""
    if max(said.st_mtime_ns, said.st_ctime_ns) > time.time_ns() - RACY_NS:
        return ""
    which = f"{said.st_dev}:{said.st_ino}:{said.st_size}:{said.st_mtime_ns}:{said.st_ctime_ns}"
    return f"{VERSION}.{SPLIT_VERSION}:{which}"


def digest_of(file: Found, limit: int) -> str:
    """Return the file's fingerprint; "" where it cannot be read, which its reader will explain."""
    try:
        return fingerprint(read(file.path, file.source, limit))
    except SwitchboardError:
        return ""
