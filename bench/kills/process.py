"""The process that is killed: a real `switchboard ingest`, and the moment at which it dies."""

import asyncio
import json
import os
import random
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from bench.chaos.forks import Forks

LONGEST_S: Final = 120.0
LOOK_S: Final = 0.002
"""Seconds between two looks whether writing has begun."""
GONE_S: Final = 10.0
"""In which all that the killed process had started must have ended."""
OPENED: Final = "switchboard.sqlite"
NEVER: Final = "nothing, it had ended"


@dataclass(frozen=True, slots=True)
class Run:
    """An ingest of a corpus into a data folder."""

    forks: Forks
    data: Path
    corpus: Path

    @property
    def log(self) -> Path:
        """Return where it says what it says."""
        return self.data.with_suffix(".log")

    @property
    def arguments(self) -> list[str]:
        """Return the command line."""
        return ["ingest", str(self.corpus), "--prune", "--json", "--workers", "1"]


def environment(data: Path) -> dict[str, str]:
    """Return the environment of an ingest into a folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    return {**kept, "SWITCHBOARD_DATA_DIR": str(data), "SWITCHBOARD_THREADS": "1"}


async def whole(run: Run) -> dict[str, Any]:
    """Let an ingest end and return its report. Raises RuntimeError where it fails or reports nothing."""
    run.log.write_bytes(b"")
    process = await run.forks.start(run.arguments, environment(run.data), run.log)
    try:
        code = await asyncio.wait_for(process.wait(), LONGEST_S)
    except TimeoutError:
        process.send_signal(signal.SIGKILL)
        await process.wait()
        raise RuntimeError(f"the ingest did not end within {LONGEST_S:g} s") from None
    said = run.log.read_text().strip().splitlines()
    with suppress(ValueError, IndexError):
        return json.loads(said[-1])
    raise RuntimeError(f"the ingest ended with {code}: {' / '.join(said[-3:])}")


async def strike(run: Run, drawn: random.Random, seconds: float) -> tuple[str, list[str]]:
    """Start an ingest and kill it; return what it was doing, and what it left running.

    Half of the moments are drawn from its whole time, half from the time after its first write.
    """
    late, moment = drawn.random() < 0.5, drawn.random()
    before = marks(run.data)
    process = await run.forks.start(run.arguments, environment(run.data), run.log)
    over = asyncio.ensure_future(process.wait())
    if late:
        while not over.done() and marks(run.data) == before:
            await asyncio.wait([over], timeout=LOOK_S)
    # a drawn moment rather than an event: the promise is about any
    await asyncio.wait([over], timeout=moment * seconds * (0.6 if late else 1.0))
    if over.done():
        return NEVER, []
    children = below(process.pid)
    wrote = marks(run.data) != before
    process.send_signal(signal.SIGKILL)
    await over
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=GONE_S)
    reading = any("ingest.worker" in " ".join(names) for names in map(command_of, children))
    doing = "writing" if wrote else "reading" if reading else "starting"
    return doing, [" ".join(command_of(one)) or str(one.pid) for one in alive]


def below(pid: int) -> list[psutil.Process]:
    """Return what a process has started."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def command_of(process: psutil.Process) -> list[str]:
    """Return a process's command line; empty where it has ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def marks(data: Path) -> list[tuple[int, int]]:
    """Return sizes and times that change with the first write of a document."""
    found: list[tuple[int, int]] = []
    for path in (data / OPENED, data / f"{OPENED}-wal"):
        with suppress(OSError):
            said = path.stat()
            found.append((said.st_size, said.st_mtime_ns))
    return found
