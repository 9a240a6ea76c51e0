"""The figures against values worked out by hand, and against their definitions by brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.metrics import aurc, auroc, brier, ece, ndcg, recall, reciprocal_rank, reliability, risk_coverage

GRADES = {"a": 1.0, "b": 1.0}
share = st.floats(0, 1)
"""Rounded below, so that ties are common."""
judged = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40)


def test_ndcg_is_one_for_the_ideal_order() -> None:
    assert ndcg(["b", "a", "c"], GRADES) == 1.0


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    ideal = 1 + 1 / math.log2(3)

    assert ndcg(["x", "a", "y", "b"], GRADES) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert ndcg(["x", "x2", "a"], {"a": 1}) == 0.5


def test_ndcg_gains_are_the_grades() -> None:
    assert ndcg(["low", "high"], {"low": 1, "high": 3}) == pytest.approx(
        (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))
    )


def test_ndcg_looks_no_further_than_k() -> None:
    assert ndcg(["x", "a"], {"a": 1}, k=1) == 0.0
    assert ndcg(["a"], dict.fromkeys("abc", 1), k=1) == 1.0


def test_what_has_nothing_relevant_scores_zero() -> None:
    assert (ndcg(["a"], {}), recall(["a"], {"a": 0}), reciprocal_rank([], GRADES)) == (0.0, 0.0, 0.0)


@given(
    st.permutations("abcdefgh"), st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 3), min_size=1)
)
def test_no_order_beats_the_one_by_falling_grade(order: list[str], grades: dict[str, float]) -> None:
    best = sorted(order, key=lambda one: -grades.get(one, 0))

    assert 0 <= ndcg(order, grades) <= 1 + 1e-12
    assert ndcg(best, grades) == pytest.approx(1.0)


def test_recall_is_the_share_of_the_relevant_among_the_first_k() -> None:
    ranked = ["a", "x", "y", "z", "w", "b"]

    assert recall(ranked, GRADES, 5) == 0.5
    assert recall(ranked, GRADES, 6) == 1.0


def test_reciprocal_rank_is_of_the_first_relevant() -> None:
    assert reciprocal_rank(["x", "y", "b", "a"], GRADES) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "y", "b"], GRADES, k=2) == 0.0


def test_auroc_of_four_by_hand() -> None:
    # positives .8 and .4, negatives .6 and .2: three of four pairs in order
    assert auroc([1, 1, 0, 0], [0.8, 0.4, 0.6, 0.2]) == 0.75


@given(judged)
def test_auroc_is_the_share_of_pairs_in_order_ties_half(cases: list[tuple[bool, int]]) -> None:
    wins = [(a > b) + (a == b) / 2 for yes, a in cases if yes for no, b in cases if not no]
    expected = sum(wins) / len(wins) if wins else float("nan")

    labels, scores = zip(*cases, strict=True)

    assert auroc(labels, scores) == pytest.approx(expected, nan_ok=True)


def test_risk_over_coverage_by_hand() -> None:
    curve = risk_coverage([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])

    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert aurc([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


@given(judged, st.randoms())
def test_the_order_of_the_questions_does_not_change_the_curve(cases: list[tuple[bool, int]], random) -> None:
    shuffled = random.sample(cases, len(cases))

    one, other = (aurc(*zip(*each, strict=True)) for each in (cases, shuffled))

    assert one == pytest.approx(other)


@given(judged)
def test_equal_confidence_risks_the_mean_error_at_every_coverage(cases: list[tuple[bool, int]]) -> None:
    correct = [yes for yes, _ in cases]

    assert risk_coverage(correct, [0.5] * len(cases)).risk.tolist() == pytest.approx(
        [1 - sum(correct) / len(correct)] * len(correct)
    )


def test_the_calibration_error_by_hand() -> None:
    # bin 0.2..0.3: two questions, said .25, true half: gap .25; bin 0.9..1: two, said .95, both true: gap .05
    said, true = [0.2, 0.3 - 1e-9, 0.9, 1.0], [1, 0, 1, 1]

    assert ece(true, said, bins=10) == pytest.approx((2 * 0.25 + 2 * 0.05) / 4)
    assert [one.size for one in reliability(true, said)] == [0, 0, 2, 0, 0, 0, 0, 0, 0, 2]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60))
def test_the_calibration_error_is_its_definition(cases: list[tuple[bool, int]]) -> None:
    expected = 0.0
    for number in range(10):
        here = [(yes, at / 20) for yes, at in cases if number == min(at // 2, 9)]
        if here:
            truth = sum(yes for yes, _ in here) / len(here)
            said = sum(one for _, one in here) / len(here)
            expected += abs(truth - said) * len(here) / len(cases)

    assert ece([yes for yes, _ in cases], [at / 20 for _, at in cases]) == pytest.approx(expected)


@given(st.lists(share, min_size=1, max_size=20))
def test_every_probability_is_in_one_bin(said: list[float]) -> None:
    assert sum(one.size for one in reliability([1] * len(said), said)) == len(said)


def test_the_brier_score_by_hand() -> None:
    assert brier([1, 0], [0.8, 0.4]) == pytest.approx((0.04 + 0.16) / 2)


def test_no_questions_have_no_figure() -> None:
    assert math.isnan(auroc(np.array([]), np.array([])))
    assert math.isnan(ece([], []))
