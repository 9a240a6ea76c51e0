"""`bench ingest --kills N`: an ingest that is killed with SIGKILL at any moment and run again ends as a clean one does.

Each case takes a data folder (empty, or with an older state of the corpus), starts `switchboard ingest --prune` on the
corpus, kills it one to three times at drawn moments, lets it finish, and holds all that is stored against a clean run.
"""

import asyncio
import json as encoder_of_json
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.chaos.forks import Forks, forking
from bench.kills.corpus import write_new, write_old
from bench.kills.process import Run, environment, strike, whole
from bench.kills.stored import Stored, stored

MOST_AT_ONCE: Final = 3
"""Kills of one case."""
STARTS: Final = ("nothing", "older")
"""What the data folder holds when a case begins: no document, or the older state of the corpus."""


@dataclass(slots=True)
class Tally:
    """What a series of cases came to."""

    cases: int = 0
    kills: int = 0
    met: Counter[str] = field(default_factory=Counter[str])
    """Kills by what the killed process was doing."""
    wrong: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Bench:
    """What all cases share."""

    forks: Forks
    folder: Path
    clean: dict[str, Stored]
    """What a run that nobody kills stores, by what it starts from."""
    seconds: dict[str, float]
    """How long it takes."""


def run(kills: int, seed: int | None, json: bool) -> int:
    """Kill at least so often and print what came of it; returns 1 where anything stored differs."""
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    started = time.perf_counter()
    tally = asyncio.run(measure(kills, seed))
    found: dict[str, Any] = {
        "bench": "ingest",
        "seed": seed,
        "cases": tally.cases,
        "kills": tally.kills,
        "killed_while": dict(sorted(tally.met.items())),
        "wrong": tally.wrong,
        "seconds": round(time.perf_counter() - started, 1),
    }
    for line in tally.wrong:
        print(line, file=sys.stderr)
    if json:
        print(encoder_of_json.dumps(found))
    else:
        met = ", ".join(f"{name} {count}" for name, count in found["killed_while"].items())
        print(f"{tally.cases} cases, {tally.kills} kills ({met}), {len(tally.wrong)} wrong; seed {seed}")
    return 1 if tally.wrong or not tally.kills else 0


async def measure(kills: int, seed: int) -> Tally:
    """Return what `kills` kills of the seed come to."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="switchboard-kills-") as place:
        async with forking() as forks:
            bench = await prepared(forks, Path(place))
            number = 0
            while tally.kills < kills:
                await case(bench, number, seed, tally)
                number += 1
    return tally


async def prepared(forks: Forks, folder: Path) -> Bench:
    """Make the corpus, what the cases start from, and a clean run from each."""
    corpus = folder / "corpus"
    await asyncio.to_thread(write_old, corpus)
    bench = Bench(forks, folder, {}, {})
    await whole(Run(forks, folder / "older", corpus))
    empty = folder / "empty"
    empty.mkdir()
    await whole(Run(forks, folder / "nothing", empty))
    await asyncio.to_thread(write_new, corpus)
    for start in STARTS:
        data = await asyncio.to_thread(shutil.copytree, folder / start, folder / f"clean-{start}")
        begun = time.perf_counter()
        await whole(Run(forks, data, corpus))
        bench.seconds[start] = time.perf_counter() - begun
        bench.clean[start] = await stored(data)
    return bench


async def case(bench: Bench, number: int, seed: int, tally: Tally) -> None:
    """Play one case of the seed and add what it came to."""
    drawn = random.Random(f"{seed}-{number}")
    start = drawn.choice(STARTS)
    data = bench.folder / "data"
    await asyncio.to_thread(shutil.copytree, bench.folder / start, data)
    named = f"case {number} of seed {seed} (from {start})"
    one = Run(bench.forks, data, bench.folder / "corpus")
    for _ in range(drawn.randint(1, MOST_AT_ONCE)):
        met, left = await strike(one, drawn, bench.seconds[start])
        tally.met[met] += 1
        tally.kills += met != "nothing, it had ended"
        tally.wrong += [f"{named}: {process} outlived the kill" for process in left]
    try:
        await whole(one)
        differences = bench.clean[start].against(await stored(data))
    except RuntimeError as failed:
        differences = [str(failed)]
    tally.wrong += [f"{named}: {said}" for said in differences]
    tally.cases += 1
    await asyncio.to_thread(shutil.rmtree, data)


def figures(tally: Tally) -> dict[str, Any]:
    """Return the tally for a test's message."""
    return {"cases": tally.cases, "kills": tally.kills, "met": dict(tally.met), "wrong": tally.wrong}


__all__ = ["environment", "figures", "measure", "run"]
