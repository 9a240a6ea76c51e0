"""What the pipelines share: the embedder, counted, and the line protocol. Runs in each peer's own environment.

A folder comes in as a JSON line; what became of it goes out as one. Only the embedder is ours: loaders, splitters,
batches and stores are the peer's defaults.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ports.onnx import MiniLM

WINDOW = 254
"""Tokens of text that the model reads at once."""


class Counted:
    """MiniLM with the texts that it was given, and how long it took. Long texts are read in several windows."""

    def __init__(self, cuts: bool = False) -> None:
        """`cuts`: what is embedded by another runner, which reads no more than the first window of a text."""
        self._minilm = MiniLM(Path(os.environ["BULK_MODELS"]), int(os.environ["BULK_THREADS"]))
        self._cuts = cuts
        self.texts: list[str] = []
        self.calls = 0
        self.seconds = 0.0

    def encode(self, texts: Sequence[str]) -> Any:
        """Return the texts' vectors as an array."""
        return self.timed(lambda some: self._minilm.encode(some).dense, texts)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the texts' vectors as every Embeddings interface wants them: lists of numbers."""
        return self.timed(lambda some: self._minilm.encode(some).dense.tolist(), texts)

    def timed(self, work: Callable[[list[str]], Any], texts: Sequence[str]) -> Any:
        """Return what the work makes of the texts, and note both."""
        started = time.perf_counter()
        found = work(list(texts))
        self.seconds += time.perf_counter() - started
        self.texts.extend(texts)
        self.calls += 1
        return found

    def taken(self) -> dict[str, Any]:
        """Return what was embedded since the last call; of a text that was cut off only what was read."""
        texts, self.texts = self.texts, []
        lengths = [self._minilm.count_tokens(text) for text in texts]
        found = {
            "texts": len(texts),
            "tokens": sum(min(length, WINDOW) if self._cuts else length for length in lengths),
            "cut": sum(length - WINDOW for length in lengths if length > WINDOW) if self._cuts else 0,
            "characters": sum(map(len, texts)),
            "calls": self.calls,
            "embedding_s": self.seconds,
        }
        self.calls, self.seconds = 0, 0.0
        return found


def answers(embedder: Counted) -> Iterator[tuple[Path, Callable[[float, float, int], None]]]:
    """Yield each folder, and what is to be told the seconds, the CPU seconds and the chunks that it took."""
    embedder.embed(["The first text is slower."])
    embedder.taken()
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not get between the lines

    def answer(seconds: float, cpu: float, chunks: int) -> None:
        out.write(json.dumps({"seconds": seconds, "cpu_s": cpu, "chunks": chunks, **embedder.taken()}) + "\n")

    out.write(json.dumps({"ready": True}) + "\n")
    for line in sys.stdin:
        yield Path(json.loads(line)["folder"]), answer


def serve(run: Callable[[Path, Counted], int], embedder: Counted | None = None) -> None:
    """Answer folders until the input ends. `run` indexes one and returns how many chunks its store holds."""
    embedder = embedder or Counted()
    for folder, answer in answers(embedder):
        started, used = time.perf_counter(), time.process_time()
        chunks = run(folder, embedder)
        answer(time.perf_counter() - started, time.process_time() - used, chunks)
