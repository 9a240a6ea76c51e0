"""Questions of other languages as English words."""

from collections.abc import Sequence

import pytest

from retrievers.bridge import LEAST, Bridge, weighted
from retrievers.sparse import query_vector, term_id

KNOWN = {
    "Kündigungsfrist": [("notice", 0.9), ("termination", 0.85)],
    "Mieter": [("tenant", 0.95)],
    "女王": [("queen", 0.9)],
    "大桥": [("bridge", 0.95)],
    "女": [("woman", 0.9)],
    "王": [("king", 0.9)],
    "大": [("big", 0.9)],
    "桥": [("bridge", 0.9)],
    "1981": [("eighty", 0.9)],
    "tenant": [("lodger", 0.9)],
    "defense": [("protection", 0.9)],
}


class Dictionary:
    """Knows the words above."""

    def translations(self, words: Sequence[str]) -> list[list[tuple[str, float]]]:
        return [KNOWN.get(word, [("noise", 0.3)]) for word in words]


def test_words_that_say_something_become_weighted_english_terms() -> None:
    bridged = Bridge(Dictionary()).over("Wie lang ist die Kündigungsfrist für den Mieter?")

    assert bridged is not None
    assert bridged.text == "lang notice tenant"
    assert bridged.terms["tenant"] == pytest.approx(1.0)
    assert bridged.terms["notic"] > bridged.terms["termin"] > 0
    assert bridged.terms["notic"] + bridged.terms["termin"] == pytest.approx(1.0)
    assert "nois" not in bridged.terms


def test_text_without_spaces_is_cut_where_its_pieces_are_surest() -> None:
    bridged = Bridge(Dictionary()).over("女王大桥")

    assert bridged is not None
    assert bridged.text == "queen bridge"


@pytest.mark.parametrize(
    "question",
    ["When does the tenant pay?", "tenant rent", "", "?", "ERR_CONN-4711", "Panthers defense 2015"],
)
def test_an_english_question_stays_as_it_is(question: str) -> None:
    assert Bridge(Dictionary()).over(question) is None


def test_a_question_without_a_known_word_stays_as_it_is() -> None:
    assert Bridge(Dictionary()).over("Срок") is None


def test_numbers_are_not_translated() -> None:
    bridged = Bridge(Dictionary()).over("1981 女王")

    assert bridged is not None
    assert bridged.text == "1981 queen"


def test_a_word_that_is_far_from_all_english_ones_has_no_translation() -> None:
    assert weighted([("noise", LEAST - 0.01)]) == []


def test_translations_are_looked_for_beside_the_question_itself() -> None:
    asked = dict(zip(*query_vector("Mieter", {"tenant": 0.5, "mieter": 0.1}), strict=True))

    assert asked[term_id("tenant")] == 0.5
    assert asked[term_id("mieter")] == 1.0
