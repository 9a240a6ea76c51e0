"""The suite `answerability`: does the reader know whether the passages answer the question.

Asks the same `reader.answerable` that the node `decide` asks, with the passages that each question comes with.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from contracts.context import Reader
from contracts.errors import UnreadableDocument
from contracts.state import Passage
from evals import metrics
from evals.bootstrap import Estimate, bootstrap
from evals.cases import Judged, judged
from evals.indexing import embedded_settings
from evals.plots import calibration, curves
from evals.result import Case, Figure, Found, Options, Result, Table, bars_for, with_interval
from graph.wiring import open_wiring

LEAST: Final = {"clapnq_dev": {"auroc": 0.85}}
"""What must be reached, by the data folder's name (issue 2)."""
WORST: Final = 20
SNIPPET: Final = 400
"""Characters of a passage."""
CUTS: Final = (0.3, 0.5, 0.7)
"""Confidence bars for which the table says what would happen."""


async def run(options: Options) -> Result:
    """Ask the reader about each question and return the figures. Raises SwitchboardError."""
    cases = judged(options.data)
    with TemporaryDirectory(prefix="switchboard-eval-") as folder:
        async with open_wiring(embedded_settings(Path(folder))) as wiring:
            sure = await ask_all(cases, wiring.reader, options)
    return result_of(options.data.resolve().name, cases, sure)


async def ask_all(cases: Sequence[Judged], reader: Reader, options: Options) -> list[float]:
    """Return the reader's probability for each question."""
    found: list[float] = []
    for number, case in enumerate(cases, 1):
        found.append(await reader.answerable(case.question, passages_of(case)))
        options.tell("reading", number, len(cases))
    return found


def passages_of(case: Judged) -> list[Passage]:
    """Return the question's passages as the graph's state has them."""
    return [
        Passage(
            id=f"{case.id}/{number}",
            source=title,
            title=title,
            headings=[],
            page=None,
            start=0,
            end=len(text),
            score=1.0,
            text=text,
            signals={},
        )
        for number, (title, text) in enumerate(case.passages)
    ]


def result_of(data: str, cases: Sequence[Judged], sure: Sequence[float]) -> Result:
    """Return the figures; raises UnreadableDocument where only one kind of question is there."""
    labels, said = np.array([case.answerable for case in cases]), np.array(sure)
    if labels.all() or not labels.any():
        raise UnreadableDocument(
            "The data has only one kind of question; answerable and not are both needed."
        )
    figures = {
        "auroc": bootstrap(len(said), lambda at: metrics.auroc(labels[at], said[at])),
        "aurc": bootstrap(len(said), lambda at: metrics.aurc(labels[at], said[at])),
        "ece": bootstrap(len(said), lambda at: metrics.ece(labels[at], said[at])),
        "brier": bootstrap(len(said), lambda at: metrics.brier(labels[at], said[at])),
    }
    result = Result("answerability", data, len(cases), figures)
    result.bars = bars_for(figures, LEAST.get(data, {}))
    result.tables = [table(figures), at_bars(labels, said)]
    curve = metrics.risk_coverage(labels, said)
    base = float(1 - labels.mean())
    result.figures = [
        Figure(
            "Risk and coverage",
            curves({"reader": curve, "ideal": metrics.risk_coverage(labels, labels)}, {"answer all": base}),
            "Of the questions answered, surest first, the share that cannot be answered. Lower is better.",
        ),
        Figure(
            "Reliability",
            calibration(metrics.reliability(labels, said)),
            "On the diagonal a stated probability comes true that often. Points grow with their questions.",
        ),
    ]
    result.cases = worst(cases, sure)
    result.notes.append(f"{int(labels.sum())} answerable questions and {int((~labels).sum())} that are not.")
    return result


def table(figures: dict[str, Estimate]) -> Table:
    """Return the figures with their intervals."""
    rows = [[name, with_interval(name, one)] for name, one in figures.items()]
    return Table("Answerable or not", ["metric", "value"], rows, "In parentheses: 95% bootstrap intervals.")


def at_bars(labels: metrics.Flags, said: metrics.Floats) -> Table:
    """Return what an agent would do at several confidence bars."""
    rows = [
        [
            f"confidence ≥ {cut}",
            f"{(said >= cut).mean():.1%}",
            f"{(said >= cut)[labels].mean():.1%}",
            f"{(said >= cut)[~labels].mean():.1%}",
        ]
        for cut in CUTS
    ]
    head = ["bar", "answered", "of the answerable", "of the unanswerable"]
    return Table("What an agent would answer", head, rows)


def worst(cases: Sequence[Judged], sure: Sequence[float]) -> list[Case]:
    """Return the questions whose probability is farthest from the truth."""
    gaps = [abs(case.answerable - one) for case, one in zip(cases, sure, strict=True)]
    order = sorted(range(len(cases)), key=lambda at: (-gaps[at], at))[:WORST]
    return [
        Case(
            cases[at].question,
            f"said {sure[at]:.2f}",
            "answerable" if cases[at].answerable else "not answerable from these passages",
            [Found(title, text[:SNIPPET], cases[at].answerable) for title, text in cases[at].passages],
        )
        for at in order
    ]
