"""`bench overhead`: time to first token through the whole runtime, against the model alone, and where it goes.

Each question goes once through the server (real HTTP, real parts, the sample handbook, a stub for the model) and
once straight to the same stub, by the same client, in turns. Clocks of all processes are one (CLOCK_MONOTONIC), so
a request's spans in the server lie on the client's own axis.
"""

import asyncio
import json as encoder_of_json
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import httpx

from bench.figures import Figure, quantile, show
from bench.processes import Child, Cpu, child, server_env
from bench.questions import questions
from bench.waterfall import Request, Run, segments

REQUESTS: Final = 200
WARM_UP: Final = 24
"""Requests before the first that counts: each topic's passages have been read once."""
TOKENS: Final = 8
PACE: Final = 100
"""Tokens a second: a model's answer comes piece by piece, so its first token does not meet the reading of the whole."""
OWN_MOST: Final = 12.0
"""Milliseconds of our own work to the first token, the median: all but model, embedder, ranking and reader."""
BEFORE_MOST: Final = 120.0
"""Milliseconds before the model is called, 95 of 100, embedder and reader included."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one benchmark saw."""

    direct: list[float]
    """Milliseconds to the stub's first line, asked directly."""
    requests: list[Request]
    server: Cpu
    stub: Cpu
    """Of the direct requests alone."""


def run(json: bool, requests: int = REQUESTS, warm_up: int = WARM_UP) -> int:
    """Measure and print; returns 1 where a figure misses its limit."""
    seen = asyncio.run(measure(requests, warm_up))
    figures = [*totals(seen), *costs(seen), *segments(seen.requests)]
    return show("overhead", figures, json, requests=requests)


def totals(seen: Measured) -> list[Figure]:
    """Return the time to first token and its two parts that have a limit; warm is with passages read before."""
    found: list[Figure] = []
    floor = quantile(seen.direct, 0.5)
    for name, cold in (("warm", False), ("cold", True)):
        some = [one for one in seen.requests if one.run.cold is cold]
        for label, share in (("p50", 0.5), ("p95", 0.95)):
            total = quantile([one.total() for one in some], share)
            found.append(Figure(f"first token, {name}, {label}", total, "ms", quantile(seen.direct, share)))
        before = quantile([one.before_model() for one in some], 0.95)
        found.append(Figure(f"before the model is called, {name}, p95", before, "ms", floor, BEFORE_MOST))
    own = [one.own() - floor for one in seen.requests]
    found.append(Figure("our own work to first token, p50", quantile(own, 0.5), "ms", floor, OWN_MOST))
    found.append(Figure("our own work to first token, p95", quantile(own, 0.95), "ms", floor))
    return found


def costs(seen: Measured) -> list[Figure]:
    """Return the CPU of a whole request, against the stub's for the same answer."""
    count, floor = len(seen.requests), 1000 * seen.stub.total / len(seen.direct)
    return [
        Figure("CPU a request, server", 1000 * seen.server.own / count, "ms", floor),
        Figure("CPU a request, its Valkey", 1000 * seen.server.children / count, "ms", floor),
    ]


async def measure(requests: int, warm_up: int) -> Measured:
    """Ask in turns and return what was seen. Raises RuntimeError where a question is not answered by the model."""
    with tempfile.TemporaryDirectory() as folder:
        spans = Path(folder, "spans.jsonl")
        async with (
            serving(Path(folder, "data"), spans) as (server, stub),
            httpx.AsyncClient(timeout=60) as http,
        ):
            await http.put(f"{server.url}/api/v1/agents/default", json={"confidence_threshold": 0})
            asked = islice(questions(), warm_up + requests)
            for question in islice(asked, warm_up):
                await through(http, server.url, question)
                await straight(http, stub.url, question)
            began, direct, sent, alone = server.cpu(), list[float](), list[tuple[str, float, float]](), 0.0
            for question in asked:
                before = stub.cpu()
                direct.append(await straight(http, stub.url, question))
                alone += (stub.cpu() - before).total
                sent.append(await through(http, server.url, question))
            used = server.cpu() - began
        runs = {run.id: run for run in read(spans)}
        return Measured(
            direct,
            [Request(start, first, runs[run_id]) for run_id, start, first in sent],
            used,
            Cpu(alone, 0.0),
        )


@asynccontextmanager
async def serving(data: Path, spans: Path) -> AsyncGenerator[tuple[Child, Child]]:
    """Serve the traced server and its stub."""
    async with (
        child(["-m", "bench.stub", "--tokens", str(TOKENS), "--pace", str(PACE)]) as stub,
        child(["-m", "bench.traced", str(spans)], server_env(data, stub.url)) as server,
    ):
        yield server, stub


async def straight(http: httpx.AsyncClient, url: str, question: str) -> float:
    """Ask the stub itself; return the milliseconds to its first line."""
    body = {"model": "stub:latest", "messages": [{"role": "user", "content": question}]}
    start, first = time.perf_counter(), 0.0
    async with http.stream("POST", f"{url}/api/chat", json=body) as response:
        async for _ in response.aiter_lines():
            first = first or time.perf_counter()
    return (first - start) * 1000


async def through(http: httpx.AsyncClient, url: str, question: str) -> tuple[str, float, float]:
    """Ask the server; return the run's id, and when the question left and the first token came."""
    made = await http.post(f"{url}/api/v1/messaging/conversations", json={})
    place = f"{url}/api/v1/messaging/conversations/{made.json()['id']}/stream"
    start, first, name, run_id, path = time.perf_counter(), 0.0, "", "", ""
    async with http.stream("POST", place, json={"content": question}) as response:
        async for line in response.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
                if name == "token":
                    first = first or time.perf_counter()
            elif field == "data" and name == "run":
                run_id = encoder_of_json.loads(value)["run_id"]
            elif field == "data" and name == "decision":
                path = encoder_of_json.loads(value)["path"]
    if path != "auto_answer" or name != "done":
        raise RuntimeError(
            f"{question!r} went the way {path!r} and ended with {name!r}; auto_answer was wanted"
        )
    return run_id, start, first


def read(spans: Path) -> Iterator[Run]:
    """Yield the runs that the server traced."""
    for line in spans.read_text().splitlines():
        found = encoder_of_json.loads(line)
        yield Run(found["run"], found["cold"], [(name, start, end) for name, start, end in found["spans"]])
