"""What the report shows of the suite `ingest`: one row a format, what was refused, and the texts that differ most."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final

import numpy as np

from evals import bootstrap
from evals.bootstrap import Estimate
from evals.fidelity import Reading
from evals.plots import bars
from evals.result import Case, Figure, Found, Table, with_interval
from evals.similarity import tokens

WORST: Final = 20
SHOWN: Final = 60
"""Tokens from where a text leaves its reference."""
COMPARED: Final = 3_000
"""Tokens in which the first difference is looked for."""
HEAD: Final = [
    "format", "files", "read", "refused", "wrong", "similarity", "words", "headings F1", "tables F1", "s/MB",
    "CPU s/MB",
]  # fmt: skip


def by_format(readings: Sequence[Reading]) -> Table:
    """Return one row a format, and one for all."""
    ordered = sorted(readings, key=lambda one: one.sample.format)
    groups = [(name, list(found)) for name, found in groupby(ordered, key=lambda one: one.sample.format)]
    rows = [row(name, found) for name, found in groups]
    note = (
        "Similarity: 2 x longest common subsequence of tokens / (their number in both), notation aside; with 95% "
        "bootstrap intervals over files. Words leaves marks out. Tables: neighbouring cells (ICDAR 2013). "
        "Wrong: broken, or refused without a true reason."
    )
    return Table("By format", HEAD, [*rows, row("all", readings)], note)


def row(name: str, readings: Sequence[Reading]) -> list[str]:
    """Return the figures of some files."""
    size = sum(one.sample.path.stat().st_size for one in readings) / 1e6
    return [
        name,
        str(len(readings)),
        str(sum(not one.refused and not one.failed for one in readings)),
        str(sum(bool(one.refused) for one in readings)),
        str(sum(not one.rightly for one in readings)),
        spread([one.similarity for one in readings]),
        mean([one.words for one in readings]),
        mean([one.headings for one in readings]),
        mean([one.tables for one in readings]),
        f"{sum(one.seconds for one in readings) / size:.2f}",
        f"{sum(one.cpu for one in readings) / size:.2f}",
    ]


def spread(values: Sequence[float | None]) -> str:
    """Return the mean of what is known with its interval."""
    known = [value for value in values if value is not None]
    return with_interval("similarity", bootstrap.mean(known)) if known else "–"


def mean(values: Sequence[float | None]) -> str:
    """Return the mean of what is known."""
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.3f}" if known else "–"


def refusals(readings: Sequence[Reading]) -> Table:
    """Return the sentence of each file that was not read."""
    rows = [
        [one.refused or f"{one.sample.name}: {one.failed}", "true" if one.rightly else "not true"]
        for one in readings
        if one.refused or one.failed
    ]
    return Table("Not read", ["what was said", ""], rows)


def figures(metrics: Mapping[str, Estimate]) -> list[Figure]:
    """Return the similarity of each format."""
    groups = {
        name.removesuffix(".similarity"): {"similarity": one}
        for name, one in metrics.items()
        if name.endswith(".similarity")
    }
    if not groups:
        return []
    return [Figure("Similarity to the reference", bars(groups), "1 is the same; whiskers are 95% intervals.")]


def worst(readings: Sequence[Reading]) -> list[Case]:
    """Return the files furthest from their reference, each from where they part."""
    known = [one for one in readings if one.similarity is not None and one.similarity < 1]
    cases: list[Case] = []
    for one in sorted(known, key=lambda one: one.similarity or 0.0)[:WORST]:
        ours, theirs = parted(one)
        verdict = f"similarity {one.similarity:.2f}"
        cases.append(
            Case(one.sample.name, verdict, theirs, [Found("read", one.refused or one.failed or ours)])
        )
    return cases


def parted(one: Reading) -> tuple[str, str]:
    """Return both texts from their largest difference on, as tokens."""
    ours, theirs = tokens(one.text)[:COMPARED], tokens(one.sample.reference or "")[:COMPARED]
    steps = [
        step
        for step in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
        if step[0] != "equal"
    ]
    if not steps:
        return "", ""
    _, left, _, right, _ = max(steps, key=lambda step: max(step[2] - step[1], step[4] - step[3]))
    return " ".join(ours[left : left + SHOWN]), " ".join(theirs[right : right + SHOWN])
