"""Which language a text is in, and how its words are spelled."""

import pytest

from retrievers.language import language_of, spelled
from retrievers.stopwords import LATIN, STOPWORDS
from retrievers.words import words_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("When is the rent due?", "english"),
        ("Wann ist die Miete fällig?", "german"),
        ("¿Cuándo se paga el alquiler?", "spanish"),
        ("Quand est-ce que le loyer est dû ?", "french"),
        ("Quando si paga l'affitto della casa?", "italian"),
        ("Wanneer moet ik de huur van het huis betalen?", "dutch"),
        ("How does a star die in the end?", "english"),
        ("Kündigungsfrist Mieter", None),
        ("Panthers defense", None),
        ("", None),
    ],
)
def test_function_words_tell_the_language(text: str, expected: str | None) -> None:
    assert language_of(words_of(text)) == expected


@pytest.mark.parametrize("language", LATIN)
def test_the_function_words_of_each_language_are_its_own(language: str) -> None:
    """Each list must win against the others on its own words, or its texts would be stemmed as another's."""
    assert language_of(sorted(STOPWORDS[language])) == language


def test_a_text_is_spelled_in_one_way() -> None:
    assert spelled("ＡＢＣ１２３ ﬁ co\u00adop كـتـاب ٤٢") == "ABC123 fi coop كتاب 42"
    assert spelled("Plain café – as it is") == "Plain café – as it is"
