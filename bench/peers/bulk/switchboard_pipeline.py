"""Our own pipeline, as `switchboard ingest` runs it: worker processes, Qdrant Edge, SQLite and Valkey in a folder."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from graph.wiring import open_wiring
from ingest.parts import parts_over
from ingest.sync import sync
from ports.settings import Settings


class Counted:
    """The index's encoder with the texts that it was given."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.texts: list[str] = []
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def encode(self, texts: Sequence[str]) -> Any:
        self.texts.extend(texts)
        self.calls += 1
        return self._inner.encode(texts)


async def main() -> None:
    """Answer folders until the input ends."""
    threads = int(os.environ["BULK_THREADS"])
    with tempfile.TemporaryDirectory(dir=os.environ["BULK_SCRATCH"]) as folder:
        settings = Settings(
            data_dir=Path(folder), threads=threads, redis_url=None, qdrant_url=None, database_url=None
        )
        async with open_wiring(settings) as wiring:
            wiring.encoder.encode(["The first text is slower."])
            counted = Counted(wiring.encoder)
            parts = replace(parts_over(wiring, threads), encoder=counted)
            print(json.dumps({"ready": True}), flush=True)
            while line := await asyncio.to_thread(sys.stdin.readline):
                started = time.perf_counter()
                report = await sync([json.loads(line)["folder"]], "bench", parts)
                seconds = time.perf_counter() - started
                texts, counted.texts = counted.texts, []
                found = {
                    "seconds": seconds,
                    "cpu_s": 0.0,
                    "chunks": report.chunks,
                    "texts": len(texts),
                    "tokens": sum(map(wiring.encoder.count_tokens, texts)),
                    "characters": sum(map(len, texts)),
                    "calls": counted.calls,
                    "embedding_s": report.stages.get("embed", 0.0) / 2,  # two batches are under way
                    "lost": len(report.failures),
                }
                counted.calls = 0
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
