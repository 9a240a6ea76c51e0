"""`bench runtime`: the CPU of a request and of a token, ours beside a raw proxy and beside other runtimes.

All answer 100 streams at the same time from one stub model, in turns. CPU seconds are the operating system's, of each
server's whole process tree. Two lengths of answer tell the cost of a request from that of a token.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.figures import quantile
from bench.peers.kinds import PEERS
from bench.processes import child
from bench.rounds import STREAMS, Seen, interleave
from bench.soak import Soaked, soak
from bench.targets import Target, floor, other, ours
from bench.verdict import verdict

ROUNDS: Final = 3
PACE: Final = 20.0
"""Tokens a second and stream."""


def run(
    json: bool,
    rounds: int = ROUNDS,
    peers: str = "none",
    soak_s: float = 0,
    streams: int = STREAMS,
    pace: float = PACE,
) -> int:
    """Measure and print; returns 1 where a figure misses its goal, 2 for a peer that is not known."""
    names = [name for name in peers.split(",") if name and name != "none"]
    if unknown := set(names) - set(PEERS):
        print(f"No such peer: {', '.join(sorted(unknown))}. There are {', '.join(PEERS)}.", file=sys.stderr)
        return 2
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(measure(names, rounds, streams, pace)) if rounds else {}
        soaked: Soaked | None = runner.run(soak(soak_s)) if soak_s else None
    return verdict(
        json, seen, soaked, streams=streams, pace=pace, rounds={k: detail(v) for k, v in seen.items()}
    )


def detail(one: Seen) -> dict[str, Any]:
    """Return what the JSON says of a server: its rounds, and of the first tokens p50 and p99."""
    return {**asdict(one), "firsts": [quantile(one.firsts, share) for share in (0.5, 0.99)]}


async def measure(names: Sequence[str], rounds: int, streams: int, pace: float) -> dict[str, Seen]:
    """Start all servers and measure them in turns. A peer that does not start is there with its error."""
    lost: dict[str, Seen] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            stub = (await stack.enter_async_context(child(["-m", "bench.length", str(pace)]))).url
            targets: list[Target] = [
                await stack.enter_async_context(ours(stub, Path(folder), 2 * streams)),
                await stack.enter_async_context(floor(stub)),
            ]
            for name in names:
                print(f"{name}: install and start", file=sys.stderr)
                try:
                    targets.append(await stack.enter_async_context(other(name, stub, Path(folder))))
                except (RuntimeError, OSError) as error:
                    lost[name] = Seen(trouble=str(error))
            return await interleave(targets, stub, rounds, streams) | lost
