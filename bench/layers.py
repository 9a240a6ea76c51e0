"""Where our server's CPU goes under `bench runtime`'s load, layer by layer, by a sampling profiler from outside.

    python -m bench.layers PATH_OF_PY_SPY [ROUNDS]

The operating system tells what each thread cost in rounds without the profiler; samples of who holds the GIL, taken
in rounds of their own, tell which layers a thread's cost is of. A sample counts for the innermost frame whose file
belongs to a layer; what C code does counts for the Python that called it. Embedder, reranker and reader have
bench/clocked.py's clocks. Two lengths of answer tell a request's cost from a token's.
"""

import asyncio
import re
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from signal import SIGINT
from typing import Final

import uvloop

from bench.clocks import PARTS
from bench.fit import Round, fit
from bench.length import teach
from bench.processes import ROOT, child
from bench.rounds import LENGTHS, STREAMS, Seen, asked, measured, one_round
from bench.tap import Asked
from bench.targets import STORE, Ours, ours

RATE: Final = 200
"""Samples a second."""
THREAD: Final = re.compile(r"thread \((\d+)\)")
VALKEY: Final = "Valkey, its own process"
SYSTEM: Final = "system calls of the loop: sockets, wake-ups"
REST: Final = "event loop, the rest"
LAYERS: Final = (
    ("embedder", ("ports/onnx.py", "onnxruntime/", "tokenizers/")),
    ("reranker", ("retrievers/rerank.py", "retrievers/tokens.py")),
    ("reader", tuple(f"retrievers/{name}.py" for name in (
        "reader", "reading", "choice", "claims", "sentences", "shown", "blocks", "kinds", "answerability"))),
    ("retrieval, index", ("retrievers/", "ports/edge", "qdrant_client/", "qdrant_edge/", "py_rust_stemmers")),
    ("model client", ("ports/lines.py", "ports/ollama.py", "models/", "langchain_ollama/", "httptools/")),
    ("log", ("server/log.py", "server/entries.py")),
    ("Valkey client (redis-py)", ("redis/", "hiredis/", "ports/valkey.py")),
    ("tail", ("server/tail.py",)),
    ("SSE", ("server/stream.py", "server/wire.py", "starlette/responses.py")),
    ("checkpoints", ("langgraph/checkpoint", "ports/checkpoints.py", "ormsgpack")),
    ("SQL", ("sqlalchemy/", "aiosqlite/", "store/", "sqlite3/", "greenlet")),
    ("LangGraph", ("langgraph/", "langchain_core/", "langsmith/")),
    ("nodes", ("nodes/", "graph/", "contracts/")),
    ("auth", ("server/auth.py", "server/shield.py", "server/keys.py")),
    ("HTTP (FastAPI, Starlette, uvicorn, pydantic)", (
        "fastapi/", "starlette/", "uvicorn/", "pydantic", "h11/", "anyio/", "server/app.py", "server/resources/",
        "server/question.py", "server/faults.py", "server/parts.py")),
    ("runs", ("server/",)),
)  # fmt: skip
"""A layer and the beginnings of its files' paths, below the project or below site-packages; the first that fits."""


def layer_of(stack: str) -> str:
    """Return the layer of one stack, its frames from the outermost in, separated by semicolons."""
    for frame in reversed(stack.split(";")):
        _, _, place = frame.rpartition(" (")
        path = place.rpartition("site-packages/")[2].removeprefix(f"{ROOT}/")
        for name, starts in LAYERS:
            if path.startswith(starts):
                return name
    return REST


Samples = dict[str, Counter[str]]
"""By thread, then by layer."""


def samples_of(raw: str) -> Samples:
    """Return the samples of the profiler's raw text: in each line a thread, its stack and a count."""
    found: Samples = {}
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        if count.isdigit():
            thread = THREAD.match(stack)
            found.setdefault(thread[1] if thread else "", Counter())[layer_of(stack)] += int(count)
    return found


def shared_out(
    threads: Mapping[str, float], samples: Samples, clocked: Mapping[str, float]
) -> dict[str, float]:
    """Return the seconds of each layer: the clocked parts as they are, the rest by each thread's samples.

    A thread without samples, which only ever computes without the GIL, is shared out as all of them together.
    """
    threads = dict(threads)
    system = threads.pop(SYSTEM, 0.0)
    whole = sum(samples.values(), Counter[str]())
    found: defaultdict[str, float] = defaultdict(float)
    for thread, seconds in threads.items():
        counts = samples.get(thread) or whole
        for layer, count in counts.items():
            found[layer] += seconds * count / counts.total()
    rest = sum(found.values()) - sum(clocked.values())
    others = {layer: seconds for layer, seconds in found.items() if layer not in clocked}
    scale = rest / sum(others.values()) if others else 0.0
    kernel = {SYSTEM: system} if system else {}
    return {**clocked, **kernel, **{layer: seconds * scale for layer, seconds in others.items()}}


def threads_of(server: Ours) -> dict[str, float]:
    """Return the CPU seconds of each thread so far; what the kernel did for the loop's own is a part of its own."""
    loop, found = server.running.process.pid, dict[str, float]()
    for one in server.running.process.threads():
        found[str(one.id)] = one.user_time + (0.0 if one.id == loop else one.system_time)
        if one.id == loop:
            found[SYSTEM] = one.system_time
    return found


async def spied(spy: str, server: Ours, requests: Sequence[Asked], length: int, raw: Path) -> Samples:
    """Return what the profiler saw in one round."""
    command = [
        spy,
        "record",
        "--pid",
        str(server.running.process.pid),
        "--rate",
        str(RATE),
        "--format",
        "raw",
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        "--gil",
        "--threads",
        "--full-filenames",
        "--output",
        str(raw),
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    await measured(server, requests, length, Seen())
    process.send_signal(SIGINT)
    await process.wait()
    return samples_of(raw.read_text())  # noqa: ASYNC240 - small, and nothing else runs


async def looked_into(spy: str, server: Ours, length: int, flow: Iterator[str], raw: Path) -> Round:
    """Return a round with its seconds by layer, from two rounds: one for the seconds, one for the samples."""
    first, second = [await server.requests(list(islice(flow, STREAMS))) for _ in range(2)]
    before = threads_of(server)
    made = await measured(server, first, length, Seen())
    threads = {id: seconds - before.get(id, 0.0) for id, seconds in threads_of(server).items()}
    samples = await spied(spy, server, second, length, raw)
    layers = shared_out(threads, samples, {part: made.cost[part] for part in PARTS})
    return Round(length, made.requests, {**layers, VALKEY: made.cost[STORE]})


async def measure(spy: str, rounds: int) -> list[tuple[Round, Round]]:
    """Return the rounds, each of both lengths."""
    found, flow = list[tuple[Round, Round]](), asked()
    with tempfile.TemporaryDirectory() as folder:
        async with child(["-m", "bench.length", "20"]) as stub, ours(stub.url, Path(folder), 200) as server:
            await teach(stub.url, LENGTHS[0])
            for _ in range(2):  # all passages have been read once
                await one_round(server, list(islice(flow, STREAMS)), LENGTHS[0], Seen())
            for number in range(rounds):
                pair = list[Round]()
                for length in LENGTHS:
                    await teach(stub.url, length)
                    raw = Path(folder, f"{number}-{length}.raw")
                    pair.append(await looked_into(spy, server, length, flow, raw))
                found.append((pair[0], pair[1]))
    return found


def table(rounds: Sequence[tuple[Round, Round]]) -> list[str]:
    """Return the waterfall as a table: milliseconds a request and microseconds a token, the costliest first."""
    names = {name for pair in rounds for one in pair for name in one.cost}
    lines = {name: fit(rounds, [name]) for name in names}
    ranked = sorted(names, key=lambda name: -sum(one.each([name]) for one, _ in rounds))
    head = ["| layer | ms a request | µs a token | ms for 50 tokens |", "|---|--:|--:|--:|"]
    rows = [
        f"| {name} | {lines[name].request_ms:.2f} | {lines[name].token_us:.1f} | "
        f"{sum(one.each([name]) for one, _ in rounds) / len(rounds):.2f} |"
        for name in ranked
    ]
    whole = fit(rounds, sorted(names))
    total = sum(one.each(sorted(names)) for one, _ in rounds) / len(rounds)
    return [*head, *rows, f"| all | {whole.request_ms:.2f} | {whole.token_us:.1f} | {total:.2f} |"]


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    rounds = int(arguments[1]) if len(arguments) > 1 else 2
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print("\n".join(table(runner.run(measure(arguments[0], rounds)))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
