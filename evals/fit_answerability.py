"""Fits the weights of retrievers/answerability.py: `python -m evals.fit_answerability DATA MODELS`.

Positive: a list of squad_xquad with the gold passage. Negative: the same without it, and without its article
(evals/fit_lists.py). A list's probability is its best passage's, in the fit too. clapnq_dev is held out entirely
and only reported.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evals.fit_lists import read, rows, squad
from ports.onnx import MiniLM
from retrievers.answerability import BIAS, NAMES, WEIGHTS, signals

Floats = NDArray[np.float64]
RIDGE: Final = 1.0
ROUNDS: Final = 6
"""Times that each list's best passage is chosen anew."""
COUNTS: Final = {"gold": 1.0, "near": 0.3, "far": 0.7}
"""What a list counts: people ask more often about what is not there at all than about a missing detail."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of passages, whether one of them answers, and what each list counts."""

    signals: list[Floats]
    """(passages, 6) each."""
    answered: NDArray[np.bool_]
    counts: Floats

    def best(self, weights: Floats) -> Floats:
        """Return the signals of each list's best passage, (n, 6)."""
        return np.array([rows[int((rows @ weights).argmax())] for rows in self.signals])


def listed(data: Path, minilm: MiniLM) -> Lists:
    """Return squad_xquad's lists."""
    found: list[Floats] = []
    kinds: list[str] = []
    for one in squad(data, minilm):
        found.append(np.array([signals(one.question, passage) for passage in one.passages], np.float64))
        kinds.append(one.kind)
    return Lists(found, np.array(kinds) == "gold", np.array([COUNTS[kind] for kind in kinds]))


def clapnq(data: Path, minilm: MiniLM) -> Lists:
    """Return the held-out questions with their passages."""
    groups = [rows(data / f"clapnq_dev/clapnq_dev_{kind}.jsonl") for kind in ("answerable", "unanswerable")]
    asked = [row for group in groups for row in group]
    questions = read(minilm, [("", row["input"]) for row in asked])
    passages = read(minilm, [(row["passages"][0]["title"], row["passages"][0]["text"]) for row in asked])
    found = [signals(*pair).astype(np.float64)[None] for pair in zip(questions, passages, strict=True)]
    return Lists(found, np.arange(len(asked)) < len(groups[0]), np.ones(len(asked)))


def fit(lists: Lists) -> tuple[Floats, float]:
    """Return weights and bias of the logistic regression, ridge 1; by Newton's method."""
    ridge = np.diag([RIDGE] * len(NAMES) + [1e-6])
    weights = np.ones(len(NAMES) + 1)
    for _ in range(ROUNDS):
        best = lists.best(weights[:-1])
        x = np.column_stack([best, np.ones(len(best))])
        weights = np.zeros(x.shape[1])
        for _ in range(30):
            p = 1 / (1 + np.exp(-x @ weights))
            slope = x.T @ (lists.counts * (p - lists.answered)) + ridge @ weights
            weights -= np.linalg.solve((x.T * (lists.counts * p * (1 - p))) @ x + ridge, slope)
    return weights[:-1], float(weights[-1])


def auroc(scores: Floats, answered: NDArray[np.bool_]) -> float:
    """Return the probability that an answered pair scores above an unanswered one; ties count half."""
    above = scores[answered][:, None] - scores[~answered][None, :]
    return float((above > 0).mean() + (above == 0).mean() / 2)


def interval(scores: Floats, answered: NDArray[np.bool_], draws: int = 1000) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the AUROC."""
    chance = np.random.default_rng(1)
    found: list[float] = []
    while len(found) < draws:
        drawn = chance.integers(0, len(scores), len(scores))
        if 0 < answered[drawn].sum() < len(drawn):
            found.append(auroc(scores[drawn], answered[drawn]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def main(data: Path, models: Path) -> None:
    """Print the fitted weights, and the AUROC of these and of those in the code on both sets."""
    minilm = MiniLM(models)
    fitted, held = listed(data, minilm), clapnq(data, minilm)
    minilm.close()
    weights, bias = fit(fitted)
    for name, weight in zip(NAMES, weights, strict=True):
        print(f"{name:18} {weight:+.2f}")
    print(f"{'bias':18} {bias:+.2f}")
    for title, w, b in (("fitted", weights, bias), ("in the code", WEIGHTS.astype(np.float64), BIAS)):
        report(f"{title}: squad_xquad, {len(fitted.signals)} lists", fitted.best(w) @ w + b, fitted.answered)
        report(f"{title}: clapnq_dev", held.best(w) @ w + b, held.answered)
    for i, name in enumerate(NAMES):
        print(f"  {name:18} alone {auroc(held.best(weights)[:, i], held.answered):.3f}")


def report(title: str, logits: Floats, answered: NDArray[np.bool_]) -> None:
    """Print AUROC, Brier score and what passes a bar of .5; then how often each tenth came true."""
    low, high = interval(logits, answered)
    sure = 1 / (1 + np.exp(-logits))
    brier, area = np.mean((sure - answered) ** 2), auroc(logits, answered)
    passed = f"{(sure >= 0.5)[answered].mean():.2f} and {(sure >= 0.5)[~answered].mean():.2f} pass .5"
    print(f"{title}: AUROC {area:.3f} ({low:.3f} to {high:.3f}), Brier {brier:.3f}, {passed}")
    edges: Sequence[float] = (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)
    for first, last in pairwise(edges):
        these = (sure >= first) & (sure < last)
        if these.any():
            print(f"  said {sure[these].mean():.2f}, came true {answered[these].mean():.2f} ({these.sum()})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
