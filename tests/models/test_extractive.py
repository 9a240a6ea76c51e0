"""How the parts of an extracted answer are put together."""

from collections.abc import Sequence

from langchain_core.messages import HumanMessage

from contracts.state import Citation, Passage
from models.extractive import NOTHING, Extractive, joint, pieces


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


class Finds:
    """A reader that finds these sentences whatever is asked."""

    def __init__(self, *found: tuple[str, Passage]) -> None:
        self.found = list(found)

    async def answerable(self, question: str, passages: Sequence[Passage]) -> float:
        return 1.0

    async def extract(
        self, question: str, passages: Sequence[Passage], limit: int
    ) -> list[tuple[str, Passage]]:
        return self.found[:limit]

    async def support(self, text: str, passages: Sequence[Passage]) -> list[Citation]:
        return []


async def answer_of(reader: Finds) -> tuple[str, tuple[int, int]]:
    asked = HumanMessage("Passages:\n\nfive words", additional_kwargs={"question": "?", "passages": []})
    chunks = [chunk async for chunk in Extractive(reader=reader).astream([asked])]
    used = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert len(used) == 1
    return "".join(chunk.text for chunk in chunks), (used[0]["input_tokens"], used[0]["output_tokens"])


async def test_the_usage_counts_the_words_read_and_written():
    long = "One two three four five six seven eight nine ten eleven."
    assert await answer_of(Finds(part(long), part("And twelve."))) == (f"{long} And twelve.", (3, 13))
    assert await answer_of(Finds()) == (NOTHING, (3, len(NOTHING.split())))
