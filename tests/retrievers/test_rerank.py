"""Token MaxSim and its place beside the other scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrievers import rerank, tokens

NAN = float("nan")


def unit(*rows: list[float]) -> tokens.TokenVectors:
    made = np.array(rows, np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_maxsim_is_the_mean_of_each_question_tokens_best_cosine() -> None:
    question = unit([1, 0], [0, 1])
    found = rerank.scores(question, [unit([1, 0], [1, 1]), unit([1, 0])])
    assert found == pytest.approx([(1 + 0.5**0.5) / 2, 0.5], abs=1e-6)


def test_weights_say_what_a_token_counts() -> None:
    question = unit([1, 0], [0, 1])
    assert rerank.scores(question, [unit([1, 0])], np.array([3, 1], np.float32)) == pytest.approx([0.75])


def test_a_candidate_without_tokens_has_no_score() -> None:
    found = rerank.scores(unit([1, 0]), [unit([1, 0]), np.zeros((0, 2), np.float32), unit([0, 1])])
    assert found == pytest.approx([1, NAN, 0], nan_ok=True)
    assert np.isnan(rerank.scores(np.zeros((0, 2), np.float32), [unit([1, 0])])).all()
    assert rerank.scores(unit([1, 0]), []).shape == (0,)


def test_packed_candidates_are_scored_against_a_question_of_full_width() -> None:
    chance = np.random.default_rng(3)
    question, other = (chance.normal(size=(6, 384)).astype(np.float32) for _ in range(2))
    candidates = [tokens.unpack(tokens.pack(rows)) for rows in (question, other)]
    same, different = rerank.scores(question, candidates)
    assert same > 0.9
    assert different < 0.5


def test_three_voices_outrank_one() -> None:
    dense, bm25, maxsim = (
        np.array(scores, np.float32) for scores in ([0.9, 0.5, 0.6], [1, 9, 2], [0.4, 0.8, 0.5])
    )
    fused = rerank.fuse(dense, bm25, maxsim)
    assert int(fused.argmax()) == 1
    assert fused.max() == pytest.approx(0.8)
    assert fused.min() == 0


def test_a_missing_score_counts_as_the_lowest_found() -> None:
    dense = np.array([0.9, 0.2, NAN], np.float32)
    lowest = np.array([0.9, 0.2, 0.2], np.float32)
    bm25, maxsim = np.array([3, 2, 1], np.float32), np.array([0.5, 0.6, 0.7], np.float32)
    assert np.array_equal(rerank.fuse(dense, bm25, maxsim), rerank.fuse(lowest, bm25, maxsim))


def test_nothing_found_is_no_error() -> None:
    none = np.zeros(0, np.float32)
    assert rerank.fuse(none, none, none).shape == (0,)
    one = np.array([0.7], np.float32)
    assert rerank.fuse(one, np.array([NAN], np.float32), np.array([NAN], np.float32)) == pytest.approx([0.7])


@given(arrays(np.float32, (3, 7), elements=st.floats(-10, 10, width=32) | st.just(NAN)))
def test_fused_scores_are_within_zero_and_one(scores: np.ndarray) -> None:
    fused = rerank.fuse(*scores)
    assert ((fused >= 0) & (fused <= 1)).all()


def test_the_one_candidate_with_the_rare_word_keeps_its_lead() -> None:
    dense, maxsim = np.array([0.5, 0.5, 0.5], np.float32), np.array([0.5, 0.5, 0.5], np.float32)
    fused = rerank.fuse(dense, np.array([NAN, 7, NAN], np.float32), maxsim)
    assert int(fused.argmax()) == 1
