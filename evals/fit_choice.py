"""Fits the weights of retrievers/choice.py: `python -m evals.fit_choice DATA MODELS`.

A softmax over all units of a retrieved list; right is a unit of the gold passage that has the answer. Articles are
cut in two halves: each is judged by weights fitted to the other, and the printed ones are fitted to both.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evals.fit_lists import Listed, squad
from ports.onnx import MiniLM
from retrievers.choice import NAMES, WEIGHTS, found_in

Floats = NDArray[np.float64]
RIDGE: Final = 0.5
STEPS: Final = 300


@dataclass(frozen=True, slots=True)
class Units:
    """All units of one list."""

    title: str
    signals: Floats
    """(units, 9)."""
    right: NDArray[np.bool_]
    """In the gold passage, with the answer."""
    contains: NDArray[np.bool_]
    """With the answer, wherever."""


def units_of(one: Listed) -> Units:
    """Return a list's units."""
    marked = enumerate(zip(one.passages, one.scores, strict=True))
    found = [unit for n, (text, score) in marked for unit in found_in(one.question, text, n, score)]
    said = [one.passages[unit.passage].text[slice(*unit.unit.span)].lower() for unit in found]
    contains = np.array([any(answer.lower() in text for answer in one.answers) for text in said])
    gold = np.array([unit.passage == one.gold for unit in found])
    title = one.passages[one.gold].text.partition("\n")[0]
    return Units(title, np.array([unit.signals for unit in found], np.float64), contains & gold, contains)


def fit(lists: Sequence[Units]) -> Floats:
    """Return the weights of the greatest likelihood, with ridge; by Adam."""
    weights = mean = square = np.zeros(len(NAMES))
    known = [one for one in lists if one.right.any()]
    for step in range(1, STEPS):
        slope = RIDGE * weights
        for one in known:
            p = softmax(one.signals @ weights)
            slope = slope + one.signals.T @ (p - p * one.right / (p * one.right).sum())
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


def main(data: Path, models: Path) -> None:
    """Print the weights and how often the best unit has the answer."""
    minilm = MiniLM(models)
    lists = [units_of(one) for one in squad(data, minilm) if one.kind == "gold"]
    minilm.close()
    titles = sorted({one.title for one in lists})
    halves = [[one for one in lists if titles.index(one.title) % 2 == half] for half in (0, 1)]
    crossed = [contained(halves[half], fit(halves[1 - half])) for half in (0, 1)]
    for name, weight in zip(NAMES, fit(lists), strict=True):
        print(f"{name:18} {weight:+.2f}")
    print(f"{len(lists)} lists: best unit has the answer in {np.mean(crossed):.3f}, fitted to the other half")
    print(f"  in the code {contained(lists, WEIGHTS.astype(np.float64)):.3f}")
    for i, name in enumerate(NAMES[:2]):
        print(f"  {name} alone {contained(lists, np.eye(len(NAMES))[i]):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
