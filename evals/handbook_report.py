"""What the suite `handbook` came to: figures of each set, ways to respond, risk and coverage, and what went wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from evals import metrics
from evals.answers import ANSWERED, KINDS, Answered, name_of
from evals.bootstrap import Estimate, bootstrap, mean, quantile
from evals.plots import calibration, curves
from evals.result import Case, Figure, Found, Result, Table, with_interval

WORST: Final = 40
CUTS: Final = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
"""Bars of confidence for which risk and coverage are told."""

Sets = Mapping[str, Sequence[Answered]]


def result_of(data: str, sets: Sets) -> Result:
    """Return the figures of what was asked; those of questions.jsonl have plain names, others their set's before."""
    figures: dict[str, Estimate] = {}
    for name, answers in sets.items():
        figures |= {f"{name}.{key}" if name else key: one for key, one in figures_of(answers).items()}
    every = [one for answers in sets.values() for one in answers]
    times = [one.took_ms for one in every]
    figures |= {"latency_p50_ms": quantile(times, 0.5), "latency_p95_ms": quantile(times, 0.95)}
    told = {name: [one for one in found if not one.asked.ways] for name, found in sets.items()}
    facts = {name: found for name, found in told.items() if found}
    result = Result("handbook", data, len(every), figures)
    result.tables = [table(figures), by_path(every), *(at_bars(name, found) for name, found in facts.items())]
    result.figures = plots(facts)
    result.cases = worst(every)
    return result


def figures_of(answers: Sequence[Answered]) -> dict[str, Estimate]:
    """Return the figures of one set; those of a kind of question that it lacks are left out."""
    alone, unknown, follow, ways = ([one for one in answers if one.kind == kind] for kind in KINDS.values())
    facts = [one for one in answers if not one.asked.ways]
    given = [one for one in facts if one.answered]
    figures: dict[str, Estimate] = {}
    if alone:
        figures |= {
            "answer_contains": mean([one.contains for one in alone]),
            "source_cited": mean([one.source_cited for one in alone]),
            "source_found": mean([one.source_found for one in alone]),
            "answered": mean([one.answered for one in alone]),
        }
    if unknown:
        figures["abstained"] = mean([not one.answered for one in unknown])
    if follow:
        figures["followup_contains"] = mean([one.contains for one in follow])
        figures["followup_source_cited"] = mean([one.source_cited for one in follow])
    if ways:
        figures["ways"] = mean([one.path in one.asked.ways for one in ways])
    if given:
        figures |= {
            "coverage": mean([one.answered for one in facts]),
            "risk": mean([one.wrong for one in given]),
        }
    right, sure = labels(facts)
    if len(right):
        figures["aurc"] = bootstrap(len(right), lambda at: metrics.aurc(right[at], sure[at]))
        figures["ece"] = bootstrap(len(right), lambda at: metrics.ece(right[at], sure[at]))
    return figures


def labels(answers: Sequence[Answered]) -> tuple[metrics.Flags, metrics.Floats]:
    """Return whether each answer is or would be right, and the stated confidence."""
    return np.array([one.right for one in answers], bool), np.array([one.confidence for one in answers])


def at_bars(name: str, answers: Sequence[Answered]) -> Table:
    """Return what share would be answered at several bars, and what share of that would be wrong."""
    right, sure = labels([one for one in answers if not one.asked.ways])
    rows: list[list[str]] = []
    for cut in CUTS:
        said = sure >= cut
        risk = f"{1 - right[said].mean():.1%}" if said.any() else "-"
        rows.append([f"confidence ≥ {cut}", str(said.sum()), f"{said.mean():.1%}", risk])
    note = f"{len(right)} questions. Below the bar, the answer that would have been given is judged."
    return Table(
        f"Risk and coverage: {name or 'questions'}", ["bar", "answered", "coverage", "wrong"], rows, note
    )


def plots(facts: Sets) -> list[Figure]:
    """Return risk and coverage, and how often a stated confidence came true."""
    made = {name or "questions": metrics.risk_coverage(*labels(found)) for name, found in facts.items()}
    right, sure = labels([one for found in facts.values() for one in found])
    return [
        Figure(
            "Risk and coverage",
            curves(made, {}),
            "Wrong among the answers given, surest first. Lower is better.",
        ),
        Figure(
            "Reliability",
            calibration(metrics.reliability(right, sure)),
            "On the diagonal a stated confidence comes true that often. Points grow with their questions.",
        ),
    ]


def table(metrics: dict[str, Estimate]) -> Table:
    """Return the figures with their intervals."""
    rows = [[name, with_interval(name, one)] for name, one in metrics.items()]
    return Table("Through the graph", ["metric", "value"], rows, "In parentheses: 95% bootstrap intervals.")


def by_path(answers: Sequence[Answered]) -> Table:
    """Return how many questions of each kind went which way."""
    counts = Counter((one.kind, one.path) for one in answers)
    paths = sorted({path for _, path in counts}, key=lambda path: (path not in ANSWERED, path))
    rows = [[kind, *(str(counts[kind, path]) for path in paths)] for kind in KINDS.values()]
    return Table("Ways to respond", ["question", *paths], rows)


def worst(answers: Sequence[Answered]) -> list[Case]:
    """Return questions that went wrong: answered though nothing answers it, wrong, or not answered."""
    cases: list[Case] = []
    for one in sorted(answers, key=severity):
        if severity(one) == 3:
            break
        found = [Found(f"answer · {one.path} · {one.confidence:.2f}", one.text)]
        for passage in one.passages[:3]:
            right = name_of(passage["source"]) == one.asked.source
            found.append(Found(f"{passage['source']} · {passage['score']:.3f}", passage["text"][:300], right))
        wanted = (
            f"{one.asked.source}: {' · '.join(one.asked.contains)}"
            if one.asked.answerable
            else " or ".join(one.asked.ways) or "no answer"
        )
        cases.append(Case(one.asked.question, f"{one.asked.id} · {one.path}", wanted, found))
    return cases[:WORST]


def severity(one: Answered) -> int:
    """Return 0 for an answer where there is none, 1 for a wrong one, 2 for none given, 3 for right."""
    if one.asked.ways:
        return 3 if one.path in one.asked.ways else 1
    if not one.asked.answerable:
        return 0 if one.answered else 3
    if one.contains:
        return 3
    return 1 if one.answered else 2
