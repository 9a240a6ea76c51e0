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
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from bench.chaos.case import Ended, play
from bench.chaos.judge import tidied
from bench.chaos.plan import EMBEDDED, Size, draw
from bench.chaos.rig import Rig, rig, weight
from bench.chaos.strike import Striker
from bench.chaos.tally import GROWTH, LEAK, Tally, encoded, table


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be played."""

    seed: int
    place: str
    size: Size
    runs: int
    minutes: float
    only: int | None
    soak: float
    cold: bool


def run(
    json: bool,
    runs: int = 200,
    seed: int | None = None,
    on: str = EMBEDDED,
    minutes: float = 0,
    only: int | None = None,
    soak: float = 0,
    faults: int = Size().faults,
    streams: tuple[int, int] = Size().streams,
    cold: bool = False,
) -> int:
    """Play cases until there were so many runs, or for so many minutes; 1 where anything is wrong or late."""
    seed = Random().randrange(10**6) if seed is None else seed
    wish = Wish(seed, on, Size(streams, faults), runs, minutes, only, soak, cold or soak > 0)
    print(f"chaos {Tally(seed, on, wish.size).again()}", file=sys.stderr, flush=True)
    tally, striker, found = asyncio.run(_play(wish))
    body = tally.body(striker, found)
    print(table(body), file=sys.stderr if json else sys.stdout)
    if json:
        print(encoded(body))
    return 0 if tally.passed() else 1


async def _play(wish: Wish) -> tuple[Tally, Striker, Rig]:
    tally = Tally(wish.seed, wish.place, wish.size)
    with _folder(tally) as folder:
        async with rig(wish.place, Path(folder), cold=wish.cold) as found:
            striker = Striker(found)
            tally.began = time.monotonic()
            if wish.soak:
                await _soak(tally, found, striker, wish.soak * 60)
            else:
                await _cases(wish, tally, found, striker, Path(folder))
            tally.ended = time.monotonic()
            return tally, striker, found


async def _cases(wish: Wish, tally: Tally, found: Rig, striker: Striker, folder: Path) -> None:
    number, end = wish.only or 0, tally.began + wish.minutes * 60
    while True:
        ended = await play(found, draw(wish.seed, number, wish.place, wish.size), striker, tally.heard)
        tally.take(ended)
        _keep(ended, folder)
        number += 1
        over = time.monotonic() > end if wish.minutes else tally.runs >= wish.runs
        if wish.only is not None:
            return
        if over:
            tally.take_left(await tidied(found))
            return


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


async def _soak(tally: Tally, found: Rig, striker: Striker, seconds: float) -> None:
    """Play cases without faults but cut clients; what the servers weigh after a quarter is held against the end."""
    number, before = 0, (0, 0)
    while (gone := time.monotonic() - tally.began) < seconds or not before[0]:
        calm = replace(draw(tally.seed, number, tally.place, tally.size), faults=())
        tally.take(await play(found, calm, striker, tally.heard))
        number += 1
        if not before[0] and gone > seconds / 4:
            before = weight(found.nodes)
    after = weight(found.nodes)
    tally.growth, tally.descriptors = after[0] / before[0] - 1, after[1] - before[1]
    tally.found["left"] += (tally.growth > GROWTH) + (tally.descriptors > LEAK * len(found.nodes))
    tally.found = +tally.found
