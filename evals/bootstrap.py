"""How sure a figure is: 95% intervals by drawing the questions anew, with a fixed seed."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

SEED: Final = 20_260_801
DRAWS: Final = 2_000
LEVEL: Final = 0.95

Statistic = Callable[[NDArray[np.int64]], float]
"""The figure of the questions at these indices, which may repeat."""


class Estimate(NamedTuple):
    """A figure and its 95% interval."""

    value: float
    low: float
    high: float


def bootstrap(n: int, statistic: Statistic, draws: int = DRAWS) -> Estimate:
    """Return the figure of all n questions with the percentile interval of `draws` samples of n.

    Samples whose figure is not a number (one kind of label alone) are left out. Source: Efron 1979.
    """
    value = statistic(np.arange(n))
    random = np.random.default_rng(SEED)
    drawn = np.array([statistic(random.integers(0, n, n)) for _ in range(draws)])
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Estimate(value, value, value)
    return Estimate(value, *_percentiles(known))


def mean(values: ArrayLike, draws: int = DRAWS) -> Estimate:
    """Return the mean with its interval; zeros for no values."""
    kept = np.asarray(values, np.float64)
    if not len(kept):
        return Estimate(0.0, 0.0, 0.0)
    return bootstrap(len(kept), lambda chosen: float(kept[chosen].mean()), draws)


def quantile(values: ArrayLike, share: float, draws: int = DRAWS) -> Estimate:
    """Return the quantile with its interval; zeros for no values."""
    kept = np.asarray(values, np.float64)
    if not len(kept):
        return Estimate(0.0, 0.0, 0.0)
    return bootstrap(len(kept), lambda chosen: float(np.quantile(kept[chosen], share)), draws)


def _percentiles(drawn: NDArray[np.float64]) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)
