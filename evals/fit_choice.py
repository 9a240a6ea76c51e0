"""Fits the weights of retrievers/choice.py: `python -m evals.fit_choice DATA MODELS HANDBOOK_LISTS`.

A softmax over all units of a retrieved list; right is a unit of the gold passage that has the answer. Articles, and
the handbook's questions, are cut in two halves: each is judged by weights fitted to the other, and the printed ones
are fitted to both. The third argument is the handbook-lists.jsonl that `switchboard eval handbook` writes.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evals.fit_lists import Listed, handbook, squad
from ports.onnx import MiniLM
from retrievers.choice import NAMES, WEIGHTS

Floats = NDArray[np.float64]
RIDGE: Final = 0.5
STEPS: Final = 300
HANDBOOK: Final = 2.0
"""What a list of the handbook counts: there are 130 of them, and 550 of squad_xquad."""


@dataclass(frozen=True, slots=True)
class Units:
    """All units of one list."""

    title: str
    """Of the article; the question itself for the handbook."""
    counts: float
    signals: Floats
    """(units, 11)."""
    right: NDArray[np.bool_]
    """In the gold passage, with the answer."""
    contains: NDArray[np.bool_]
    """With the answer, wherever."""


def units_of(one: Listed) -> Units:
    """Return a list's units."""
    found = one.found()
    own = one.gold < 0
    return Units(
        one.question.text if own else one.passages[one.gold].text.partition("\n")[0],
        HANDBOOK if own else 1.0,
        np.array([unit.signals for unit in found], np.float64),
        np.array([one.right(unit) for unit in found]),
        np.array([one.holds(unit) for unit in found]),
    )


def fit(lists: Sequence[Units]) -> Floats:
    """Return the weights of the greatest likelihood, with ridge; by Adam."""
    weights = mean = square = np.zeros(len(NAMES))
    known = [one for one in lists if one.right.any()]
    for step in range(1, STEPS):
        slope = RIDGE * weights
        for one in known:
            p = softmax(one.signals @ weights)
            slope = slope + one.counts * (one.signals.T @ (p - p * one.right / (p * one.right).sum()))
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        rate = 0.15 if step < STEPS * 2 / 3 else 0.045
        weights = weights - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-9)
    return weights


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def contained(lists: Sequence[Units], weights: Floats) -> float:
    """Return the share of lists whose best unit has the answer."""
    return float(np.mean([one.contains[int((one.signals @ weights).argmax())] for one in lists]))


def main(data: Path, models: Path, lists: Path) -> None:
    """Print the weights and how often the best unit has the answer."""
    minilm = MiniLM(models)
    given = [*squad(data, minilm), *handbook(lists, minilm)]
    made = [units_of(one) for one in given if one.kind in {"gold", "asked"} and one.found()]
    minilm.close()
    titles = sorted({one.title for one in made})
    halves = [[one for one in made if titles.index(one.title) % 2 == half] for half in (0, 1)]
    fitted = [fit(halves[1 - half]) for half in (0, 1)]
    for name, weight in zip(NAMES, fit(made), strict=True):
        print(f"{name:18} {weight:+.2f}")
    for title, counts in (("squad_xquad", 1.0), ("handbook", HANDBOOK)):
        these = [[one for one in half if one.counts == counts] for half in halves]
        crossed = [contained(half, weights) for half, weights in zip(these, fitted, strict=True)]
        code = contained([*these[0], *these[1]], WEIGHTS.astype(np.float64))
        print(
            f"{title}: best unit has the answer in {np.mean(crossed):.3f}, fitted to the other half; code {code:.3f}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
