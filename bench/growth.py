"""`bench growth`: what a turn costs in a conversation of 1,000 turns, beside one of 10.

Both are asked in the same run, ten turns here and ten there, so that a busy machine slows both. CPU is the server's
and its Valkey's, bytes are what both have written to the disk's cache, from the operating system.
"""

import asyncio
import json as encoder_of_json
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from bench.processes import Child, child, server_env

TURNS: Final = 1000
ROUNDS: Final = 10
SHORT: Final = 10
"""Turns of the short conversation, and of the long one beside it in each round."""
TOKENS: Final = 50
MOST: Final = 1.1
"""Times as much as a turn of the short conversation."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some turns cost, each: milliseconds of CPU, bytes written."""

    cpu_ms: float
    bytes: float


def run(json: bool) -> int:
    """Measure and print; returns 1 where a late turn costs more than MOST times an early one."""
    found = asyncio.run(measure())
    if json:
        print(encoder_of_json.dumps(found))
    else:
        print(f"{'':22}{'early turn':>12}{'late turn':>12}{'times':>8}   (at most {MOST})")
        for name, unit in (("cpu", "ms"), ("written", "kB")):
            early, late = found["early"][name], found["late"][name]
            print(f"{name + ', ' + unit:22}{early:12.2f}{late:12.2f}{found['times'][name]:8.2f}")
    return 0 if max(found["times"].values()) <= MOST else 1


async def measure(turns: int = TURNS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return the medians over the rounds."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            stub = await stack.enter_async_context(
                child(["-m", "bench.stub", "--port", "0", "--tokens", str(TOKENS)])
            )
            env = server_env(Path(folder, "data"), stub.url)
            server = await stack.enter_async_context(
                child(["-m", "switchboard", "serve", "--port", "0"], env)
            )
            http = await stack.enter_async_context(
                httpx.AsyncClient(base_url=f"{server.url}/api/v1", timeout=60)
            )
            (await http.put("/agents/default", json={"confidence_threshold": 0})).raise_for_status()
            long = await begun(http)
            for n in range(turns - rounds * SHORT):
                await ask(http, long, n)
            early: list[Cost] = []
            late: list[Cost] = []
            for n in range(rounds):
                early.append(await cost(server, http, await begun(http), n))
                late.append(await cost(server, http, long, n))
    return compared(early, late) | {"bench": "growth", "turns": turns}


def compared(early: Sequence[Cost], late: Sequence[Cost]) -> dict[str, Any]:
    """Return the medians of both and how many times as much a late turn costs."""
    first, last = (
        {
            "cpu": statistics.median(one.cpu_ms for one in costs),
            "written": statistics.median(one.bytes for one in costs) / 1000,
        }
        for costs in (early, late)
    )
    times = {name: round(last[name] / first[name], 3) if first[name] else 1.0 for name in first}
    return {"early": first, "late": last, "times": times}


async def begun(http: httpx.AsyncClient) -> str:
    """Return a new conversation."""
    return (await http.post("/messaging/conversations", json={})).raise_for_status().json()["id"]


async def ask(http: httpx.AsyncClient, conversation: str, n: int) -> None:
    """Ask one question of its own and read the answer to its end."""
    path = f"/messaging/conversations/{conversation}/stream"
    response = await http.post(path, json={"content": f"Count for turn {n} of {conversation}."})
    if b"event: done" not in response.raise_for_status().content:
        raise RuntimeError(f"turn {n} did not end well: {response.text[-300:]}")


async def cost(server: Child, http: httpx.AsyncClient, conversation: str, n: int) -> Cost:
    """Return what SHORT turns cost, each."""
    cpu, written = server.cpu().total, written_by(server)
    for turn in range(SHORT):
        await ask(http, conversation, n * SHORT + turn)
    return Cost((server.cpu().total - cpu) * 1000 / SHORT, (written_by(server) - written) / SHORT)


def written_by(server: Child) -> int:
    """Return the bytes that the server and its Valkey have handed to the operating system to write."""
    everyone = (server.process, *server.process.children(recursive=True))
    return sum(one.io_counters().write_chars for one in everyone)
