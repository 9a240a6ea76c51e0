"""Parts of passages within a room: what is kept, where it stands, how much there is of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retrievers.candidates import Candidate
from retrievers.excerpts import excerpts

LEAVE = (
    "The canteen opens at eight and closes at three in the afternoon on all days of the week. "
    "Parental leave lasts sixteen weeks for each parent, and may be taken in two parts by agreement with the team. "
    "Bicycles are kept in the yard behind the building, where there is a roof over the stands for the winter."
)
PRINTER = "The printer on the second floor prints on both sides unless it is told otherwise in the dialogue."


def candidate(id: str, text: str, score: float, start: int = 1000) -> Candidate:
    payload: dict[str, Any] = {"text": text, "start": start, "end": start + len(text), "source": f"{id}.md"}
    return Candidate(id, score=score, payload=payload)


def test_the_sentence_that_is_asked_for_is_kept_with_its_place() -> None:
    (found,) = excerpts(
        [candidate("a", LEAVE, 0.9), candidate("b", PRINTER, 0.5)], "How long is parental leave?", 120
    )
    text = LEAVE[LEAVE.index("Parental") : LEAVE.index(" Bicycles")]
    place = 1000 + LEAVE.index(text)
    assert (found.payload["text"], found.payload["start"], found.payload["end"]) == (
        text,
        place,
        place + len(text),
    )


def test_parts_that_touch_are_one_passage_again() -> None:
    found = excerpts([candidate("a", LEAVE, 0.9)], "How long is parental leave?", 5000)
    assert [one.payload["text"] for one in found] == [LEAVE]


def test_a_first_part_that_is_longer_than_the_room_is_cut_short() -> None:
    (found,) = excerpts([candidate("a", "word " * 100, 0.9)], "word", 40)
    assert found.payload["text"] == ("word " * 8).rstrip()


def test_no_passages_have_no_parts() -> None:
    assert excerpts([], "How long is parental leave?", 400) == []


TEXTS = st.text(alphabet="ab .\n|-leave?한0。\t", max_size=200).filter(str.strip)


@given(st.lists(TEXTS, max_size=5, unique=True), st.integers(1, 300))
def test_every_part_is_text_of_its_passage_and_all_of_them_fit_into_the_room(
    texts: list[str], room: int
) -> None:
    ranked = [candidate(str(at), text, 1 - at / 10, at * 1000) for at, text in enumerate(texts)]
    found = excerpts(ranked, "leave a b?", room)
    for one in found:
        at, offset = int(one.id), int(one.payload["start"]) - int(one.id) * 1000
        assert texts[at][offset : offset + len(one.payload["text"])] == one.payload["text"]
        assert one.payload["end"] - one.payload["start"] == len(one.payload["text"])
    assert sum(len(one.payload["text"].strip()) for one in found) <= room + 10 * len(found)
