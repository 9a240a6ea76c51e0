"""The server as `switchboard serve` runs it, its parts timed from outside: nothing of this is in the product.

Every run ends with one line of JSON in the file named by the first argument:
`{"run", "cold", "spans": [[name, start, end], …]}`, in seconds of the monotonic clock that all processes share.
Every second run reads its passages as if for the first time (`cold`).
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop

from bench.processes import HANDBOOK
from contracts.state import Citation, Passage
from graph.steps import stages_of
from graph.wiring import Wiring
from ports.settings import Settings
from retrievers import rerank, tokens
from retrievers.reader import PassageReader
from server.serve import serve, settle
from switchboard import indexer_for

T = TypeVar("T")
LAST: Final = "node:record"


class Trace:
    """The spans of one run after another; the benchmark asks one question at a time."""

    def __init__(self, file: Path) -> None:
        self.cold = False
        self._file = file.open("a")
        self._spans: list[tuple[str, float, float]] = []

    def note(self, name: str, start: float) -> None:
        """Keep a span that ends now."""
        self._spans.append((name, start, time.perf_counter()))

    def timed(self, name: str, work: Callable[..., T]) -> Callable[..., T]:
        """Return the function with its calls noted."""

        def run(*args: Any, **kwargs: Any) -> T:
            start = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                self.note(name, start)

        return run

    def awaited(self, name: str, work: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        """Return the coroutine function with its calls noted; the last node ends the run."""

        async def run(*args: Any, **kwargs: Any) -> T:
            start = time.perf_counter()
            result = await work(*args, **kwargs)
            self.note(name, start)
            if name == LAST:
                self.close(kwargs["runtime"].context.run_id)
            return result

        return run

    def stream(self, work: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
        """Return the model's stream with the wait for its first text noted as `model`."""

        async def run(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            start, waiting = time.perf_counter(), True
            async for chunk in work(*args, **kwargs):
                if waiting and chunk.content:
                    self.note("model", start)
                    waiting = False
                yield chunk

        return run

    def close(self, run_id: str) -> None:
        """Write the run's line and begin the next one's."""
        self._file.write(json.dumps({"run": run_id, "cold": self.cold, "spans": self._spans}) + "\n")
        self._file.flush()
        self._spans, self.cold = [], not self.cold


class TurnedReader:
    """Reads as the product's reader does, every second run without what was read before."""

    def __init__(self, wiring: Wiring, trace: Trace) -> None:
        self._trace = trace
        self._warm = wiring.reader
        self._cold = PassageReader(wiring.ports.minilm, kept=0)

    async def answerable(self, question: str, passages: Sequence[Passage]) -> float:
        """Return the probability that the passages answer."""
        start = time.perf_counter()
        sure = await (self._cold if self._trace.cold else self._warm).answerable(question, passages)
        self._trace.note("reader", start)
        return sure

    async def extract(
        self, question: str, passages: Sequence[Passage], limit: int
    ) -> list[tuple[str, Passage]]:
        """Return the sentences that answer."""
        return await self._warm.extract(question, passages, limit)

    async def support(self, text: str, passages: Sequence[Passage]) -> list[Citation]:
        """Return the citations."""
        return await self._warm.support(text, passages)


def trace_all(wiring: Wiring, trace: Trace) -> None:
    """Put the clock around nodes, embedder, ranking, reader and model."""
    for name, stage in stages_of(wiring.graph).items():
        stage.run = trace.awaited(f"node:{name}", stage.run)
    minilm = wiring.ports.minilm
    vars(minilm)["encode"] = trace.timed("embed", minilm.encode)
    rerank.scores = trace.timed("rank", rerank.scores)
    tokens.unpack_all = trace.timed("rank", tokens.unpack_all)
    client = wiring.collection.client
    vars(client)["query_batch_points"] = trace.awaited("index", client.query_batch_points)
    vars(wiring.pool)["stream"] = trace.stream(wiring.pool.stream)
    wiring.reader = TurnedReader(wiring, trace)


async def main() -> None:
    """Serve until a signal."""
    trace = Trace(Path(sys.argv[1]))
    done: list[Wiring] = []

    def indexer(wiring: Wiring) -> Any:
        if not done:
            done.append(wiring)
            trace_all(wiring, trace)
        return indexer_for(wiring)

    def ready(url: str, _: object) -> None:
        print(url, flush=True)
        settle()

    await serve(Settings(port=0), indexer, ready, HANDBOOK)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
