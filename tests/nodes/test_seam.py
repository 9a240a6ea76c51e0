"""Where a text goes on: whatever its pieces, clients end with the text, and are told to drop only another one."""

from hypothesis import given
from hypothesis import strategies as st

from nodes.seam import Again, Anew, Onward, Seam

TEXT = st.text(alphabet="ab \n", max_size=12)
PERIODIC = st.builds(
    lambda part, times: part * times, st.text(alphabet="ab \n", min_size=1, max_size=6), st.integers(1, 6)
)
"""Texts that say the same part again and again, as lists and refrains do."""
PIECES = st.lists(TEXT, max_size=5)


def shown(seam: Seam, pieces: list[str]) -> str:
    sent = [seam.take(piece) for piece in pieces]
    sent.append(seam.rest())
    return seam.said + "".join(sent)


@given(said=TEXT, pieces=PIECES, before=TEXT)
def test_a_text_that_is_written_again_is_shown_once(said: str, pieces: list[str], before: str) -> None:
    dropped: list[bool] = []
    whole = before + "".join(pieces)
    assert shown(Again(before + said, before, lambda: dropped.append(True)), pieces) == whole
    assert len(dropped) == (0 if whole.startswith(before + said) else 1)


@given(said=TEXT, pieces=PIECES)
def test_a_text_that_goes_on_with_the_blanks_it_ended_with_has_them_once(
    said: str, pieces: list[str]
) -> None:
    blanks = said[len(said.rstrip()) :]
    rest = "x" + "".join(pieces)
    assert shown(Onward(said), [*blanks, "x", *pieces]) == said + rest
    assert shown(Onward(said), ["x", *pieces]) == said + rest


@given(pieces=PIECES)
def test_a_text_after_a_tool_call_begins_with_its_first_word(pieces: list[str]) -> None:
    whole = "".join(pieces)
    expected = "Look.\n\n" + whole.lstrip() if whole.strip() else "Look."
    assert shown(Anew("Look.", "\n\n"), pieces) == expected


@given(whole=TEXT | PERIODIC, cut=st.integers(0, 36), size=st.integers(1, 7))
def test_a_text_is_whole_wherever_it_was_cut_though_it_repeats_itself(
    whole: str, cut: int, size: int
) -> None:
    """A model that was shown its words, less their last blanks, goes on; another writes again from the beginning."""
    said = whole[:cut]
    rest = whole[len(said.rstrip()) :]
    assert shown(Onward(said), pieces(rest, size)) == whole
    dropped: list[bool] = []
    assert shown(Again(said, "", lambda: dropped.append(True)), pieces(whole, size)) == whole
    assert dropped == []


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
