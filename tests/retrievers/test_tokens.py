"""Packed token vectors."""

import base64

import numpy as np
import pytest

from retrievers import tokens


def rows(count: int, seed: int = 0) -> tokens.TokenVectors:
    made = np.random.default_rng(seed).normal(size=(count, 384)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_a_token_takes_sixteen_bytes() -> None:
    assert len(base64.b64decode(tokens.pack(rows(10)))) == 1 + 10 * 16


def test_what_is_unpacked_points_where_what_was_packed_did() -> None:
    vectors = rows(200)
    unpacked = tokens.unpack(tokens.pack(vectors))
    cosines = np.sum(unpacked * tokens.project(vectors), axis=1)
    assert unpacked.shape == (200, tokens.DIMENSIONS)
    assert np.linalg.norm(unpacked, axis=1) == pytest.approx(1, abs=1e-5)
    assert cosines.mean() > 0.93
    assert cosines.min() > 0.85


def test_several_texts_are_unpacked_like_each_alone() -> None:
    packed = [tokens.pack(rows(3, 1)), "", tokens.pack(rows(0)), tokens.pack(rows(5, 2))]
    together = tokens.unpack_all(packed)
    assert [len(part) for part in together] == [3, 0, 0, 5]
    for part, text in zip(together, packed, strict=True):
        assert np.array_equal(part, tokens.unpack(text))
    assert tokens.unpack_all([]) == []


def test_another_space_has_no_tokens() -> None:
    rows = np.eye(2, 64, dtype=np.float32)
    theirs = tokens.pack(rows, space=2)
    assert tokens.unpack(theirs).shape == (0, 64)
    assert tokens.unpack(theirs, space=2).shape == (2, 64)
    assert tokens.unpack("").shape == (0, 64)


def test_projected_rows_are_kept_as_they_are() -> None:
    rows = tokens.project(np.random.default_rng(1).normal(size=(5, 384)).astype(np.float32))
    assert tokens.pack(tokens.project(rows)) == tokens.pack(rows)
