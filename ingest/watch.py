"""`switchboard ingest --watch`: what changes on disk is in the index a second or two after it has settled.

It looks rather than listens: a look costs a `stat` a file, works on network and container mounts where notifications do
not, and cannot lose an event. A look that takes long makes the next one come later, so it never takes more than a tenth
of the time.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from contracts.errors import SwitchboardError
from ingest.report import Report
from ingest.walk import walk

EVERY_S: Final = 0.5
"""Seconds between two looks."""
SHARE: Final = 10
"""A look takes at most one part in so many of the time."""

Shape = dict[str, tuple[int, int, int, int]]
"""What the file system says of each file: inode, size, and times of its last change, in nanoseconds; zeros for a folder
that is watched."""


def shape_of(paths: Sequence[str]) -> Shape:
    """Return what there is below the paths; one that names nothing now has nothing below it."""
    there = [path for path in paths if Path(path).exists() or any(sign in path for sign in "*?[")]
    found: Shape = {}
    for path in there:
        if os.path.isdir(path):  # so that an empty folder is another thing than none
            found[f"{path}/"] = (0, 0, 0, 0)
        try:
            files = walk([path]).files
        except SwitchboardError:  # a pattern that matches nothing at the moment
            continue
        for file in files:
            try:
                said = os.stat(file.path)
            except OSError:  # gone since the walk
                continue
            found[str(file.path)] = (said.st_ino, said.st_size, said.st_mtime_ns, said.st_ctime_ns)
    return found


async def watch(
    paths: Sequence[str],
    ingest: Callable[[], Awaitable[Report]],
    tell: Callable[[Report], None],
    *,
    every: float = EVERY_S,
) -> None:
    """Ingest now, and again whenever something has changed and then held still for one look; until cancelled.

    A failure of a whole run is told on stderr and tried again with the next change, or after a minute.
    """
    done: Shape | None = None
    seen = await asyncio.to_thread(shape_of, paths)
    failed_at = -60.0
    while True:
        began = time.monotonic()
        now = await asyncio.to_thread(shape_of, paths)
        took = time.monotonic() - began
        if now == seen and (now != done or 0 <= failed_at < began - 60):
            failed_at = -60.0 if told_gone(paths) or await attempt(ingest, tell) else began
            done = now
        seen = now
        await asyncio.sleep(max(every, SHARE * took))


def told_gone(paths: Sequence[str]) -> bool:
    """Tell which of the watched files and folders are gone; False where none is."""
    gone = [path for path in paths if not any(sign in path for sign in "*?[") and not os.path.lexists(path)]
    for path in gone:
        print(
            f"{path} is gone, so nothing is ingested until it is back; its documents are kept. "
            "To remove them, make an empty folder of that name while --watch --prune goes on.",
            file=sys.stderr,
        )
    return bool(gone)


async def attempt(ingest: Callable[[], Awaitable[Report]], tell: Callable[[Report], None]) -> bool:
    """Ingest once and tell what it came to; False where it failed as a whole."""
    try:
        tell(await ingest())
    except SwitchboardError as failure:
        print(failure.message, file=sys.stderr)
        return False
    return True
