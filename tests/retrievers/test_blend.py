"""A question of several texts: what each of them adds."""

import numpy as np
import pytest
from qdrant_client import models

from retrievers.blend import blend
from retrievers.candidates import Question


def question(dense: list[float], terms: dict[int, float], rarity: list[float]) -> Question:
    sparse = models.SparseVector(indices=list(terms), values=list(terms.values()))
    rows = np.full((len(rarity), 2), dense, np.float32)
    return Question(dense, sparse, rows, np.array(rarity, np.float32))


def test_a_text_adds_its_direction_its_terms_and_its_tokens_at_its_weight() -> None:
    found = blend(
        [question([1, 0], {7: 1.0}, [3.0]), question([0, 2], {7: 1.0, 9: 1.0}, [5.0, 1.0])], [1.0, 0.5]
    )

    assert found.dense == pytest.approx([0.894427, 0.447214], abs=1e-6)
    assert found.bm25 is not None
    assert dict(zip(found.bm25.indices, found.bm25.values, strict=True)) == {7: 1.0, 9: 0.5}
    assert found.weights is not None
    assert found.weights.tolist() == [3.0, 2.5, 0.5]


def test_parts_that_no_text_has_are_left_out() -> None:
    found = blend([Question(dense=[0.0, 3.0]), Question(dense=[0.0, 1.0])], [1.0, 0.5])
    assert (found.dense, found.bm25, found.tokens) == ([0.0, 1.0], None, None)
