"""Fits the weights of retrievers/answerability.py: `python -m evals.fit_answerability DATA MODELS HANDBOOK_LISTS`.

A list counts as answered where a unit that would be shown has the answer. First the weights: squad_xquad's lists with
the gold passage, without it and without its article, and the handbook's development sets. Then slope and height, on
the handbook alone, whose answers were judged by weights fitted without them. clapnq_dev is held out and only reported.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evals import metrics
from evals.fit_lists import Listed, handbook, read, rows, squad
from ports.onnx import MiniLM
from retrievers.answerability import BIAS, NAMES, WEIGHTS, signals
from retrievers.choice import chosen, found_in

Floats = NDArray[np.float64]
RIDGE: Final = 1.0
SLOPE_RIDGE: Final = 0.1
FOLDS: Final = 5
UNITS: Final = 3
COUNTS: Final = {"gold": 1.0, "near": 0.3, "far": 0.7, "asked": 1.0, "unasked": 1.0}
"""What a list counts: people ask more often about what is not there at all than about a missing detail."""
ANSWERABLE: Final = 0.6
"""Share of the handbook's questions that is taken to have an answer when slope and height are fitted."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of passages, and whether what would be shown answers."""

    signals: Floats
    """(n, 6), as NAMES."""
    right: NDArray[np.bool_]
    answerable: NDArray[np.bool_]
    counts: Floats

    def at(self, chosen: NDArray[np.bool_]) -> "Lists":
        return Lists(self.signals[chosen], self.right[chosen], self.answerable[chosen], self.counts[chosen])


def listed(given: Sequence[Listed]) -> Lists:
    """Return the lists' signals and labels."""
    found = [one.found() for one in given]
    right = [
        any(one.right(unit) for unit in chosen(units, UNITS)) for one, units in zip(given, found, strict=True)
    ]
    return Lists(
        np.array([signals(units) for units in found], np.float64),
        np.array(right),
        np.array([one.kind in {"gold", "asked"} for one in given]),
        np.array([COUNTS[one.kind] for one in given]),
    )


def clapnq(data: Path, minilm: MiniLM) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the held-out questions' signals with their one passage, and whether it answers."""
    groups = [rows(data / f"clapnq_dev/clapnq_dev_{kind}.jsonl") for kind in ("answerable", "unanswerable")]
    asked = [row for group in groups for row in group]
    questions = read(minilm, [("", row["input"]) for row in asked])
    passages = read(minilm, [(row["passages"][0]["title"], row["passages"][0]["text"]) for row in asked])
    found = [signals(found_in(*pair, 0, 1.0)) for pair in zip(questions, passages, strict=True)]
    return np.array(found, np.float64), np.arange(len(asked)) < len(groups[0])


def logistic(x: Floats, right: NDArray[np.bool_], counts: Floats, strength: float) -> Floats:
    """Return the weights of the logistic regression with ridge, the bias last; by Newton's method."""
    x = np.column_stack([x, np.ones(len(x))])
    ridge = np.diag([strength] * (x.shape[1] - 1) + [1e-6])
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (counts * (p - right)) + ridge @ weights
        weights -= np.linalg.solve((x.T * (counts * p * (1 - p))) @ x + ridge, slope)
    return weights


def fit(base: Lists, own: Lists) -> Floats:
    """Return weights and bias; `own` are the handbook's lists."""
    folds = np.random.default_rng(0).permutation(len(own.right)) % FOLDS
    crossed = np.zeros(len(own.right))
    for fold in range(FOLDS):
        crossed[folds == fold] = logits(own.at(folds == fold).signals, both(base, own.at(folds != fold)))
    share = own.answerable.mean()
    balance = np.where(own.answerable, ANSWERABLE / share, (1 - ANSWERABLE) / (1 - share))
    slope, height = logistic(crossed[:, None], own.right, balance, SLOPE_RIDGE)
    weights = both(base, own) * slope
    weights[-1] += height
    return weights


def both(base: Lists, own: Lists) -> Floats:
    """Return weights fitted to both."""
    x = np.concatenate([base.signals, own.signals])
    counts = np.concatenate([base.counts, own.counts])
    return logistic(x, np.concatenate([base.right, own.right]), counts, RIDGE)


def logits(x: Floats, weights: Floats) -> Floats:
    return x @ weights[:-1] + weights[-1]


def main(data: Path, models: Path, lists: Path) -> None:
    """Print the fitted weights, and what these and those in the code come to."""
    minilm = MiniLM(models)
    base = listed([one for one in squad(data, minilm) if one.found()])
    own = listed([one for one in handbook(lists, minilm) if one.found()])
    held, answered = clapnq(data, minilm)
    minilm.close()
    fitted = fit(base, own)
    for name, weight in zip((*NAMES, "bias"), fitted, strict=True):
        print(f"{name:18} {weight:+.2f}")
    for title, weights in (("fitted", fitted), ("in the code", np.append(WEIGHTS, BIAS).astype(np.float64))):
        report(f"{title}: squad_xquad", logits(base.signals, weights), base.right)
        report(f"{title}: handbook, fitted to", logits(own.signals, weights), own.right)
        report(f"{title}: clapnq_dev, answerable", logits(held, weights), answered)


def report(title: str, found: Floats, right: NDArray[np.bool_]) -> None:
    """Print AUROC and Brier score, then how often each range of probabilities came true."""
    sure = 1 / (1 + np.exp(-found))
    print(
        f"{title}: {len(sure)} lists, AUROC {metrics.auroc(right, sure):.3f}, Brier {metrics.brier(right, sure):.3f}"
    )
    edges: Sequence[float] = (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)
    for first, last in pairwise(edges):
        these = (sure >= first) & (sure < last)
        if these.any():
            print(f"  said {sure[these].mean():.2f}, came true {right[these].mean():.2f} ({these.sum()})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
