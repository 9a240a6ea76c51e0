"""The figures of the field as pure functions of rankings, labels and probabilities."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BINS: Final = 10
"""Equal widths of probability in which calibration is compared."""


def ndcg(ranked: Sequence[str], grades: Mapping[str, float], k: int = 10) -> float:
    """Return nDCG@k in 0..1 with linear gain; 0.0 where nothing is relevant.

    Source: Järvelin and Kekäläinen 2002, Cumulated gain-based evaluation; log2(rank + 1) as in trec_eval.
    """
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:k]
    if not ideal:
        return 0.0
    gains = [max(grades.get(one, 0.0), 0.0) for one in ranked[:k]]
    return _dcg(gains) / _dcg(ideal)


def _dcg(gains: Sequence[float]) -> float:
    return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, 1)))


def recall(ranked: Sequence[str], grades: Mapping[str, float], k: int = 5) -> float:
    """Return the share of the relevant that is among the first k; 0.0 where nothing is relevant."""
    relevant = {one for one, grade in grades.items() if grade > 0}
    return len(relevant & set(ranked[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, float], k: int = 10) -> float:
    """Return one over the rank of the first relevant, 0.0 where none is among the first k."""
    return next((1 / rank for rank, one in enumerate(ranked[:k], 1) if grades.get(one, 0.0) > 0), 0.0)


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the probability that a positive scores above a negative, ties half; NaN where one kind is missing.

    Source: Mann and Whitney 1947, as U / (positives * negatives).
    """
    positive, ranks = np.asarray(labels, bool), mean_ranks(np.asarray(scores, np.float64))
    wins, losses = int(positive.sum()), int((~positive).sum())
    if not wins or not losses:
        return float("nan")
    return float((ranks[positive].sum() - wins * (wins + 1) / 2) / (wins * losses))


def mean_ranks(scores: Floats) -> Floats:
    """Return each score's rank from 1, lowest first; equal ones share the mean of theirs."""
    _, which, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[which]


class Curve(NamedTuple):
    """The risk of answering the questions that are surest, for each share of them."""

    coverage: Floats
    """1/n to 1."""
    risk: Floats
    """The share of wrong ones among those answered."""


def risk_coverage(correct: ArrayLike, confidence: ArrayLike) -> Curve:
    """Return the curve; questions of equal confidence are answered in no order, so they share their mean error.

    Source: El-Yaniv and Wiener 2010, On the foundations of noise-free selective classification.
    """
    right, sure = np.asarray(correct, np.float64), np.asarray(confidence, np.float64)
    _, which, counts = np.unique(-sure, return_inverse=True, return_counts=True)
    errors = np.bincount(which, weights=1 - right) / counts
    expected = np.repeat(errors, counts)
    answered = np.arange(1, len(right) + 1)
    return Curve(answered / max(len(right), 1), np.cumsum(expected) / answered)


def aurc(correct: ArrayLike, confidence: ArrayLike) -> float:
    """Return the mean risk over all coverages, lower is better; NaN for no questions.

    Source: Geifman, Uziel and El-Yaniv 2019, Bias-reduced uncertainty estimation, section 3.
    """
    risk = risk_coverage(correct, confidence).risk
    return float(risk.mean()) if len(risk) else float("nan")


class Bin(NamedTuple):
    """The questions whose probability lies in one range."""

    low: float
    high: float
    size: int
    confidence: float
    """Mean probability; NaN for no questions."""
    accuracy: float
    """Share that came true; NaN for no questions."""


def reliability(labels: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Return bins of equal width over 0..1, each closed below, the last on both sides."""
    truth, said = np.asarray(labels, np.float64), np.asarray(probabilities, np.float64)
    which = np.clip((said * bins).astype(int), 0, bins - 1)
    found: list[Bin] = []
    for number in range(bins):
        here = which == number
        count = int(here.sum())
        means = (float(said[here].mean()), float(truth[here].mean())) if count else (float("nan"),) * 2
        found.append(Bin(number / bins, (number + 1) / bins, count, *means))
    return found


def ece(labels: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> float:
    """Return the expected calibration error: the mean gap of probability and truth, bins weighted by size.

    Source: Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017, On calibration of modern neural networks, eq. 3.
    """
    found = reliability(labels, probabilities, bins)
    total = sum(one.size for one in found)
    if not total:
        return float("nan")
    return sum(one.size * abs(one.accuracy - one.confidence) for one in found if one.size) / total


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean squared gap of probability and truth. Source: Brier 1950."""
    truth, said = np.asarray(labels, np.float64), np.asarray(probabilities, np.float64)
    return float(((said - truth) ** 2).mean())
