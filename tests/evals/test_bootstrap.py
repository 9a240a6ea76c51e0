"""Intervals: what they hold, and that they are the same at every run."""

import numpy as np
import pytest

from evals.bootstrap import bootstrap, mean, quantile
from evals.metrics import auroc


def test_an_interval_holds_its_figure() -> None:
    values = np.random.default_rng(1).normal(5, 2, 200)

    one = mean(values)

    assert one.value == pytest.approx(values.mean())
    assert one.low < one.value < one.high
    assert one.high - one.low == pytest.approx(2 * 1.96 * values.std() / 200**0.5, rel=0.1)


def test_ninety_five_of_a_hundred_intervals_hold_the_true_mean() -> None:
    random = np.random.default_rng(2)

    held = [(one := mean(random.normal(0, 1, 60), draws=300)).low <= 0 <= one.high for _ in range(200)]

    assert 0.89 <= np.mean(held) <= 0.99


def test_the_same_values_have_the_same_interval() -> None:
    assert mean([0, 1, 1, 0, 1]) == mean([0, 1, 1, 0, 1])


def test_values_that_agree_leave_no_doubt() -> None:
    assert mean([0.5] * 10) == (0.5, 0.5, 0.5)


def test_samples_of_one_kind_alone_are_left_out() -> None:
    labels, scores = np.array([True, False, False]), np.array([0.9, 0.1, 0.2])

    one = bootstrap(3, lambda at: auroc(labels[at], scores[at]))

    assert one == (1.0, 1.0, 1.0)


def test_a_quantile_lies_among_the_values() -> None:
    one = quantile(range(101), 0.95)

    assert one.value == 95
    assert 85 < one.low <= 95 <= one.high <= 100


def test_nothing_measured_is_zero() -> None:
    assert mean([]) == quantile([], 0.5) == (0, 0, 0)
