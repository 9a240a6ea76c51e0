"""`bench query`: what finding passages takes at 100,000 chunks, beside exact search and the engine alone.

Questions that nobody asked before go through the whole of `retrieve`, the embedding of the question included, in turns
with and without the reranker, for three askers: one who reads everything, one of a department, one of a small tenant.
"""

import asyncio
import json as encoder_of_json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from qdrant_client import models

from bench.figures import quantile
from bench.query_index import DEPARTMENTS, LARGE, NAME, SMALL, ensure_vectors, open_index
from contracts.errors import BadRequest
from ports.edge import EdgeClient
from ports.onnx import MiniLM
from ports.settings import Settings
from retrievers.collection import DENSE, Collection, readable
from retrievers.hybrid import NEAREST, HybridRetriever

WARM: Final = 20
"""Questions before the first that counts, for each asker."""
TOP: Final = 10
LIMITS: Final = {"without": 25.0, "with": 80.0}
"""Milliseconds that the 95th percentile may take, without and with the reranker."""
RECALL: Final = 0.98
"""The least share of the exact first TOP that the index finds."""
ASKERS: Final = {
    "reads everything": (LARGE, tuple(f"department-{number}" for number in range(DEPARTMENTS))),
    "one department": (LARGE, ("department-3",)),
    "a small tenant": (SMALL, ("department-3",)),
}


@dataclass(slots=True)
class Taken:
    """What one way of asking took, in milliseconds for each question."""

    wall: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])

    async def add(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do the work and note what it took."""
        cpu, wall = time.process_time(), time.perf_counter()
        found = await work()
        self.wall.append(1000 * (time.perf_counter() - wall))
        self.cpu.append(1000 * (time.process_time() - cpu))
        return found

    def figures(self) -> dict[str, float]:
        """Return the median, the 95th percentile, and the mean CPU time."""
        return {
            "p50_ms": round(quantile(self.wall, 0.5), 2),
            "p95_ms": round(quantile(self.wall, 0.95), 2),
            "cpu_ms": round(sum(self.cpu) / len(self.cpu), 2),
        }


def run(json: bool, data: str, keep: str, chunks: int, threads: int) -> int:
    """Measure and print; returns 1 where a figure misses its limit."""
    found = asyncio.run(measure(Path(data), Path(keep), chunks, threads))
    if json:
        print(encoder_of_json.dumps(found))
    else:
        show(found)
    return 0 if found["reached"] else 1


async def measure(data: Path, keep: Path, chunks: int, threads: int) -> dict[str, Any]:
    """Return the figures; raises BadRequest where the data are not there."""
    path = data / "squad_xquad" / "queries.jsonl"
    if not path.exists():
        raise BadRequest(f"There is no {path}. Name the folder of the evaluation data with --data.")
    questions = [str(orjson.loads(row)["text"]) for row in path.read_text().split("\n") if row]
    random.Random(11).shuffle(questions)
    encoder = MiniLM(Settings().models_dir, threads)
    try:
        await asyncio.to_thread(ensure_vectors, data, keep / "vectors", chunks, encoder, tell)
        client = await open_index(keep / f"index-{chunks}", keep / "vectors", chunks, tell)
        try:
            return await compare(client, encoder, questions)
        finally:
            await client.close()
    finally:
        encoder.close()


async def compare(client: EdgeClient, encoder: MiniLM, questions: Sequence[str]) -> dict[str, Any]:
    """Return the figures of every asker, each with questions of its own."""
    collection = Collection(client, NAME, MiniLM.name, MiniLM.dimension)
    share = len(questions) // len(ASKERS)
    askers: dict[str, Any] = {}
    for number, (name, (tenant, groups)) in enumerate(ASKERS.items()):
        mine = questions[number * share : (number + 1) * share]
        retrievers = {
            "without": HybridRetriever(
                collection=collection, embeddings=encoder, tenant=tenant, groups=groups, reads=False
            ),
            "with": HybridRetriever(collection=collection, embeddings=encoder, tenant=tenant, groups=groups),
        }
        askers[name] = await ask(client, encoder, retrievers, mine)
    reached = all(
        one[way]["p95_ms"] <= most for one in askers.values() for way, most in LIMITS.items()
    ) and all(one["recall"] >= RECALL for one in askers.values())
    count = (await client.count(NAME)).count
    return {"bench": "query", "chunks": count, "askers": askers, "reached": reached}


async def ask(
    client: EdgeClient, encoder: MiniLM, retrievers: dict[str, HybridRetriever], questions: Sequence[str]
) -> dict[str, Any]:
    """Ask in turns: a question without the reranker, the next with it; then the floors on the same questions."""
    ways = {way: Taken() for way in (*retrievers, "embedding", "exact", "engine")}
    for question in questions[:WARM]:
        await retrievers["with"].ainvoke(question)
    for number, question in enumerate(questions[WARM:]):
        way = ("without", "with")[number % 2]
        await ways[way].add(lambda way=way, question=question: retrievers[way].ainvoke(question))
    one = retrievers["with"]
    allowed = readable(one.tenant, one.knowledge, one.groups)
    shares: list[float] = []
    for number, question in enumerate(questions[WARM:]):
        fresh = f"{question} ({number})"  # the embedder keeps what it has read
        encoded = await ways["embedding"].add(lambda fresh=fresh: encoder.aencode([fresh]))
        vector = encoded.dense[0].tolist()

        async def found(exact: bool, limit: int, vector: Any = vector) -> Any:
            return await client.query_points(
                NAME, query=vector, using=DENSE, query_filter=allowed, limit=limit, with_payload=False,
                search_params=models.SearchParams(exact=True) if exact else NEAREST,
            )  # fmt: skip

        exact = await ways["exact"].add(lambda found=found: found(True, TOP))
        near = await ways["engine"].add(lambda found=found: found(False, one.k))
        best = {point.id for point in exact.points}
        shares.append(len(best & {point.id for point in near.points[:TOP]}) / max(1, len(best)))
    return {way: taken.figures() for way, taken in ways.items()} | {
        "recall": round(float(np.mean(shares)), 4),
        "questions": len(questions) - WARM,
    }


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print(f"{found['chunks']:,} chunks; ms: p50 / p95 / CPU")
    for name, one in found["askers"].items():
        print(f"\n{name}, {one['questions']} questions, recall@{TOP} {one['recall']:.4f} (least {RECALL})")
        for way, says in WAYS.items():
            row = one[way]
            limit = f"   at most {LIMITS[way]:.0f}" if way in LIMITS else ""
            print(f"  {says:28} {row['p50_ms']:8.2f} {row['p95_ms']:8.2f} {row['cpu_ms']:8.2f}{limit}")


WAYS: Final = {
    "without": "retrieve, without reranker",
    "with": "retrieve, with reranker",
    "embedding": "floor: embedding alone",
    "engine": "floor: one dense query alone",
    "exact": "exact search",
}


def tell(stage: str, done: int, total: int) -> None:
    """Say how far it is, on a terminal."""
    if sys.stderr.isatty():
        print(
            f"\r{stage} {done:,} of {total:,}  ",
            end="\n" if done >= total else "",
            file=sys.stderr,
            flush=True,
        )
