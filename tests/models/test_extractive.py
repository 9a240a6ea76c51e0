"""How the parts of an extracted answer are put together."""

from contracts.state import Passage
from models.extractive import joint, pieces


def part(text: str, id: str = "one") -> tuple[str, Passage]:
    return text, {
        "id": id, "source": "one.md", "title": "", "headings": [], "page": None,
        "start": 0, "end": len(text), "score": 1.0, "text": text, "signals": {},
    }  # fmt: skip


def test_sentences_of_a_passage_run_on_and_items_stay_a_list():
    assert joint(part("One."), part("Two.")) == " "
    assert joint(part("- one"), part("- two")) == "\n"


def test_tables_items_and_other_passages_begin_anew():
    assert joint(part("One."), part("Two.", "two")) == "\n\n"
    assert joint(part("One."), part("| a | b |\n| --- | --- |\n| 1 | 2 |")) == "\n\n"
    assert joint(part("One."), part("- one")) == "\n\n"


def test_pieces_concatenate_to_the_text():
    text = "| a | b |\n| --- | --- |\n| one two three four | five six seven eight nine |"
    assert "".join(pieces(text)) == text
    assert len(pieces(text)) > 1
