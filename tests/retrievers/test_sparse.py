"""BM25 as sparse vectors: what counts as a term, and what it weighs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.sparse import AVERAGE, K1, B, document_vector, query_vector, term_id, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Running cats ran", ["run", "cat", "ran"]),
        ("ERR_42", ["err_42", "err", "42"]),
        ("v1.2.3", ["v1.2.3", "v1", "2", "3"]),
        ("the kv-store.", ["kv-store", "kv", "store"]),
        ("C++ or C#", ["c++", "c#"]),
        ("東京都", ["東京", "京都"]),
        ("水", ["水"]),
        ("Übergröße", ["übergröße"]),
        ("What is it?", []),
        ("no refunds", ["no", "refund"]),
    ],
)
def test_terms_are_stems_and_identifiers_whole_and_in_parts(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_document_weighs_its_terms_by_bm25() -> None:
    ids, values = document_vector("cat cat dog")

    norm = K1 * (1 - B + B * 3 / AVERAGE)
    expected = {term_id("cat"): 2 * (K1 + 1) / (2 + norm), term_id("dog"): (K1 + 1) / (1 + norm)}
    assert dict(zip(ids, values, strict=True)) == pytest.approx(expected)


def test_a_question_weighs_each_term_once() -> None:
    assert query_vector("cat, cats and dogs") == ([term_id("cat"), term_id("dog")], [1.0, 1.0])


def test_term_ids_are_fixed() -> None:
    assert term_id("cat") == 2656977832


@given(st.text(max_size=300))
def test_any_text_has_unique_ids_and_positive_weights(text: str) -> None:
    ids, values = document_vector(text)

    assert len(set(ids)) == len(ids) == len(values)
    assert all(0 <= id < 2**32 for id in ids)
    assert all(0 < value < K1 + 1 for value in values)
    assert set(query_vector(text)[0]) == set(ids)
