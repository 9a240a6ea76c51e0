"""The suite `retrieval`: is the right document found, how far up, and how quickly.

Asks the retriever that the server uses, one question after the other, hybrid and its two parts in turn.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from langchain_core.documents import Document

from contracts.agents import AgentConfig
from contracts.errors import SetupError
from contracts.identity import Identity
from evals import bootstrap, metrics
from evals.bootstrap import Estimate
from evals.cases import RetrievalData, retrieval_data
from evals.indexing import TENANT, open_indexed
from evals.result import Bar, Options, Result, bars_for
from evals.retrieval_report import figures, tables, worst
from graph.wiring import Wiring
from retrievers.hybrid import HybridRetriever, Mode

MODES: Final[tuple[Mode, ...]] = ("hybrid", "dense", "bm25")
DEPTH: Final = 10
"""Documents that count."""
CHUNKS: Final = 30
"""Chunks that are asked for: several may be of one document, which counts once at its best."""
WARM: Final = 20
"""Questions that are asked before the clock starts."""
LEAST: Final = {"squad_xquad": {"ndcg@10": 0.90, "recall@5": 0.94}}
"""What must be reached, by the data folder's name (issue 2)."""


@dataclass(slots=True)
class Answers:
    """What one mode found, in the order of the queries."""

    found: list[list[Document]] = field(default_factory=list[list[Document]])
    """One chunk a document, best first, at most DEPTH."""
    wall_ms: list[float] = field(default_factory=list[float])
    cpu_ms: list[float] = field(default_factory=list[float])
    """Of the whole process: index, embedder and Python."""

    def ranked(self) -> list[list[str]]:
        """Return the sources found, best first."""
        return [[str(one.metadata["source"]) for one in found] for found in self.found]


async def run(options: Options) -> Result:
    """Index the folder's corpus, ask its queries, and return the figures. Raises SwitchboardError."""
    if options.ingest is None:
        raise SetupError("The retrieval suite indexes documents: start it as `switchboard eval retrieval`.")
    data = retrieval_data(options.data)
    async with open_indexed(
        data.documents, options.ingest, options.cache, options.tell, options.say
    ) as wiring:
        answers = await ask_all(data, wiring, options)
    return result_of(data, answers)


async def ask_all(data: RetrievalData, wiring: Wiring, options: Options) -> dict[Mode, Answers]:
    """Ask each query in each mode, side by side, so that a busy moment of the machine strikes all alike."""
    who = Identity(TENANT, "eval")
    whole = wiring.retriever(who, AgentConfig(), limit=CHUNKS)
    retrievers: dict[Mode, HybridRetriever] = {
        mode: whole.model_copy(update={"mode": mode}) for mode in MODES
    }
    queries = list(data.queries.values())
    for query in queries[:WARM]:
        for retriever in retrievers.values():
            await retriever.ainvoke(query)
    answers: dict[Mode, Answers] = {mode: Answers() for mode in MODES}
    for number, query in enumerate(queries, 1):
        for mode, retriever in retrievers.items():
            await ask(query, retriever, answers[mode])
        options.tell("asking", number, len(queries))
    return answers


async def ask(query: str, retriever: HybridRetriever, answers: Answers) -> None:
    """Ask one query and note what it found and took, its embedding included."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = await retriever.ainvoke(query)
    answers.cpu_ms.append((time.process_time() - cpu) * 1000)
    answers.wall_ms.append((time.perf_counter() - wall) * 1000)
    answers.found.append(best_of_each(found)[:DEPTH])


def best_of_each(found: Sequence[Document]) -> list[Document]:
    """Return the best chunk of each source, in order."""
    best: dict[str, Document] = {}
    for document in found:
        best.setdefault(str(document.metadata["source"]), document)
    return list(best.values())


def result_of(data: RetrievalData, answers: dict[Mode, Answers]) -> Result:
    """Return the figures of each mode, those of a part under its name."""
    grades = [data.relevant[query] for query in data.queries]
    by_mode = {mode: figures_of(grades, each) for mode, each in answers.items()}
    per_query: dict[Mode, list[float]] = {
        mode: quality(grades, each)["ndcg@10"] for mode, each in answers.items()
    }
    flat = {
        name if mode == "hybrid" else f"{mode}.{name}": one
        for mode, found in by_mode.items()
        for name, one in found.items()
    }
    result = Result("retrieval", data.folder.resolve().name, len(grades), flat)
    result.bars = [*bars_for(flat, LEAST.get(result.data, {})), *above_parts(per_query)]
    result.tables = tables(by_mode)
    result.figures = figures(by_mode, answers["hybrid"].wall_ms)
    result.cases = worst(data, answers["hybrid"].found, per_query["hybrid"])
    result.notes.append(f"{len(data.documents):,} documents, {len(grades):,} queries, one after the other.")
    return result


def quality(grades: Sequence[dict[str, float]], answers: Answers) -> dict[str, list[float]]:
    """Return each figure of each query."""
    pairs = list(zip(answers.ranked(), grades, strict=True))
    return {
        "ndcg@10": [metrics.ndcg(ranked, one, 10) for ranked, one in pairs],
        "recall@5": [metrics.recall(ranked, one, 5) for ranked, one in pairs],
        "mrr@10": [metrics.reciprocal_rank(ranked, one, 10) for ranked, one in pairs],
    }


def figures_of(grades: Sequence[dict[str, float]], answers: Answers) -> dict[str, Estimate]:
    """Return one mode's figures with their intervals."""
    found = {name: bootstrap.mean(values) for name, values in quality(grades, answers).items()}
    found["latency_p50_ms"] = bootstrap.quantile(answers.wall_ms, 0.5)
    found["latency_p95_ms"] = bootstrap.quantile(answers.wall_ms, 0.95)
    found["cpu_ms"] = bootstrap.mean(answers.cpu_ms)
    return found


def above_parts(per_query: dict[Mode, list[float]]) -> list[Bar]:
    """Return whether hybrid is above each part, with the interval of the difference query by query."""
    bars: list[Bar] = []
    for part in MODES[1:]:
        ahead = bootstrap.mean(np.subtract(per_query["hybrid"], per_query[part]))
        bars.append(
            Bar(
                f"hybrid is {ahead.value:+.3f} [{ahead.low:+.3f}, {ahead.high:+.3f}] nDCG@10 against {part} alone",
                ahead.value > 0,
            )
        )
    return bars
