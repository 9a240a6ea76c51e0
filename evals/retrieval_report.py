"""What the report shows of the suite `retrieval`: modes side by side, times, and the queries that went worst."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from langchain_core.documents import Document

from evals.bootstrap import Estimate
from evals.cases import RetrievalData
from evals.plots import bars, histogram
from evals.result import Case, Figure, Found, Table, with_interval

WORST: Final = 20
SHOWN: Final = 5
"""Documents shown for each of them."""
SNIPPET: Final = 220
"""Characters of a document."""
QUALITY: Final = ("ndcg@10", "recall@5", "mrr@10")


def tables(by_mode: Mapping[str, Mapping[str, Estimate]]) -> list[Table]:
    """Return one table with a row a figure and a column a mode."""
    names = list(next(iter(by_mode.values())))
    rows = [[name, *(with_interval(name, found[name]) for found in by_mode.values())] for name in names]
    note = "In parentheses: 95% bootstrap intervals. Latency is wall time with embedding; cpu_ms is the whole process."
    return [Table("Modes side by side", ["metric", *by_mode], rows, note)]


def figures(by_mode: Mapping[str, Mapping[str, Estimate]], wall_ms: Sequence[float]) -> list[Figure]:
    """Return the bars of each mode and the histogram of hybrid's times."""
    groups = {name: {mode: found[name] for mode, found in by_mode.items()} for name in QUALITY}
    marks = {"p50": float(np.quantile(wall_ms, 0.5)), "p95": float(np.quantile(wall_ms, 0.95))}
    return [
        Figure("Quality by mode", bars(groups), "Higher is better; whiskers are 95% intervals."),
        Figure(
            "Latency of a query",
            histogram(wall_ms, marks, "ms"),
            "Hybrid, embedding included, one at a time.",
        ),
    ]


def worst(data: RetrievalData, found: Sequence[Sequence[Document]], scores: Sequence[float]) -> list[Case]:
    """Return the queries that lost most, each with what was found instead; none that is perfect."""
    titles = {document.source: document for document in data.documents}
    cases: list[Case] = []
    queries = list(data.queries.items())
    for number in sorted(range(len(queries)), key=lambda at: (scores[at], at))[:WORST]:
        if scores[number] >= 1:
            break
        id, question = queries[number]
        relevant = data.relevant[id]
        wanted = next(iter(relevant))
        hits = [
            Found(
                f"{one.metadata['source']} · {one.metadata['score']:.3f}",
                snippet(one.page_content),
                one.metadata["source"] in relevant,
            )
            for one in found[number][:SHOWN]
        ]
        verdict = f"nDCG@10 {scores[number]:.2f}"
        cases.append(Case(question, verdict, f"{wanted}: {snippet(titles[wanted].text)}", hits))
    return cases


def snippet(text: str) -> str:
    """Return the beginning of a text on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= SNIPPET else flat[:SNIPPET].rsplit(" ", 1)[0] + " …"
