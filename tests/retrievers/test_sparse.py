"""BM25 as sparse vectors: what counts as a term, and what it weighs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.sparse import (
    AVERAGE,
    ELSEWHERE,
    K1,
    UNTOLD,
    B,
    document_vector,
    query_terms,
    query_vector,
    term_id,
    terms,
)


def finds(question: str, passage: str) -> bool:
    """Tell whether a question shares a term with a passage."""
    return not set(query_vector(question)[0]).isdisjoint(document_vector(passage)[0])


def test_a_document_weighs_its_terms_by_bm25() -> None:
    ids, values = document_vector("cat cat dog")

    norm = K1 * (1 - B + B * 3 / AVERAGE)
    expected = {term_id("cat"): 2 * (K1 + 1) / (2 + norm), term_id("dog"): (K1 + 1) / (1 + norm)}
    assert dict(zip(ids, values, strict=True)) == pytest.approx(expected)


def test_term_ids_are_fixed() -> None:
    assert term_id("cat") == 2656977832


def test_a_passage_is_stemmed_in_its_own_language() -> None:
    assert terms("Die Fristen für die Kündigung der Verträge")[:2] == ["frist", "kundig"]
    assert terms("How long are the notice periods?") == ["long", "notic", "period"]
    assert terms("Сроки расторжения договоров")[-1] == terms("договор")[0]


def test_a_question_weighs_its_own_language_most_and_each_term_once() -> None:
    weights = query_terms("Wie lang sind die Fristen und die Frist?")

    assert weights["frist"] == 1.0
    assert weights["fristen"] == ELSEWHERE


def test_a_question_of_one_word_finds_its_stem_in_every_language() -> None:
    weights = query_terms("Fristen")

    assert (weights["fristen"], weights["frist"]) == (1.0, UNTOLD)
    assert finds("Fristen", "Die Frist ist für alle gleich und endet mit der Kündigung.")
    assert finds("contratos", "El contrato se firma en la oficina de la empresa.")
    assert finds("договоры", "Срок договора истёк.")
    assert finds("عقود", "هذه العقود من الشركة")


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("Beyonce", "Beyoncé sang."),
        ("Muenchen", "Die Stadt München ist groß und sie liegt an der Isar."),
        ("München", "Das Büro ist in Muenchen und in der Stadt Bonn."),
        ("strasse", "Die Straße ist für den Verkehr gesperrt."),
        ("２０２４", "in 2024"),
        ("٢٠٢٤", "in 2024"),
        ("ﬁle", "a file"),
        ("1200", "about 1,200 people"),
        ("1.200", "about 1,200 people"),
        ("الكتاب", "الكِتَابُ"),
        ("§12", "nach § 12 des Gesetzes"),
    ],
)
def test_one_word_spelled_in_two_ways_is_found(question: str, passage: str) -> None:
    assert finds(question, passage)


@given(st.text(max_size=300))
def test_any_text_has_unique_ids_and_positive_weights(text: str) -> None:
    ids, values = document_vector(text)

    assert len(set(ids)) == len(ids) == len(values)
    assert all(0 <= id < 2**32 for id in ids)
    assert all(0 < value < K1 + 1 for value in values)


@given(st.text(max_size=300))
def test_a_text_is_always_found_by_itself(text: str) -> None:
    asked = dict(zip(*query_vector(text), strict=True))

    assert {id for id, weight in asked.items() if weight == 1.0} == set(document_vector(text)[0])
    assert set(asked.values()) <= {1.0, UNTOLD, ELSEWHERE}


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_order_of_texts_changes_a_vector(one: str, other: str) -> None:
    before = document_vector(one)
    document_vector(other)

    assert document_vector(one) == before
