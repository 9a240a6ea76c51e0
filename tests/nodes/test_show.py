"""Pieces of a text."""

from hypothesis import given
from hypothesis import strategies as st

from nodes.show import pieces


@given(st.text(alphabet="ab \n\t\u3000", max_size=80), st.integers(1, 4))
def test_the_pieces_of_a_text_are_the_text_and_none_has_more_words(text: str, words: int) -> None:
    found = pieces(text, words)
    assert "".join(found) == text
    assert all(len(piece) > 0 and len(piece.split()) <= words for piece in found)
