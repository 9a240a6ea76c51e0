"""`bench chaos`: runs against real servers that are killed, paused and cut off, and what their clients come to.

Each case is drawn from the seed and its number. After it, what each client shows, what `done` says and what is stored
must be the same, every event once, one end a run, and nothing may be left.
"""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from bench.chaos.case import Ended, play
from bench.chaos.plan import EMBEDDED, draw
from bench.chaos.rig import Rig, rig, weight
from bench.chaos.strike import Striker
from bench.chaos.tally import GROWTH, LEAK, Tally, encoded, table

STREAMS = (20, 50)
"""Conversations of a case, fewest and most."""


def run(
    json: bool,
    runs: int = 200,
    seed: int | None = None,
    on: str = EMBEDDED,
    minutes: float = 0,
    only: int | None = None,
    soak: float = 0,
    streams: tuple[int, int] = STREAMS,
) -> int:
    """Play cases until there were so many runs, or for so many minutes; 1 where anything is not as it must be."""
    seed = Random().randrange(10**6) if seed is None else seed
    print(f"chaos on {on}: --seed {seed}", file=sys.stderr, flush=True)
    tally, striker, starts = asyncio.run(_play(seed, on, runs, minutes * 60, only, streams, soak * 60))
    body = tally.body(striker.happened, striker.hit, striker.ends, starts)
    print(table(body), file=sys.stderr if json else sys.stdout)
    if json:
        print(encoded(body))
    return 0 if tally.passed() else 1


async def _play(
    seed: int, on: str, runs: int, seconds: float, only: int | None, streams: tuple[int, int], soak: float
) -> tuple[Tally, Striker, list[float]]:
    tally = Tally(seed, on)
    with _folder(tally) as folder:
        async with rig(on, Path(folder)) as found:
            striker = Striker(found)
            if soak:
                await _soak(tally, found, striker, soak, streams)
                return tally, striker, found.starts
            end = time.monotonic() + seconds
            number = only or 0
            while True:
                ended = await play(found, draw(seed, number, on, streams), striker, tally.heard)
                tally.take(ended)
                _keep(ended, Path(folder))
                number += 1
                over = time.monotonic() > end if seconds else tally.runs >= runs
                if only is not None or over:
                    return tally, striker, found.starts


def _keep(ended: Ended, folder: Path) -> None:
    """Keep what each client of a case was told if anything was found."""
    for client in ended.clients if ended.findings else ():
        (folder / f"client-{client.name}").write_text("\n".join(client.told.trail))


@contextmanager
def _folder(tally: Tally) -> Generator[str]:
    """Make a folder for the servers, which stays with their logs where anything is found."""
    folder = tempfile.mkdtemp(prefix="chaos-")
    yield folder
    if tally.passed():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"the servers' logs are in {folder}", file=sys.stderr)


async def _soak(tally: Tally, found: Rig, striker: Striker, seconds: float, streams: tuple[int, int]) -> None:
    """Play cases without faults but cut clients; what the servers weigh after a quarter is held against the end."""
    began, number, before = time.monotonic(), 0, (0, 0)
    while (gone := time.monotonic() - began) < seconds or not before[0]:
        case = draw(tally.seed, number, tally.place, streams)
        calm = type(case)(case.number, case.conversations, ())
        tally.take(await play(found, calm, striker, tally.heard))
        number += 1
        if not before[0] and gone > seconds / 4:
            before = weight(found.nodes)
    after = weight(found.nodes)
    tally.growth, tally.descriptors = after[0] / before[0] - 1, after[1] - before[1]
    tally.found["left"] += (tally.growth > GROWTH) + (tally.descriptors > LEAK * len(found.nodes))
    tally.found = +tally.found
