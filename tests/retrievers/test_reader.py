"""The reader: extracts, supports, and tells whether passages answer."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from contracts.state import Passage
from ports.onnx import MiniLM
from retrievers.claims import contradicts, names, numbers, to_claim, to_said
from retrievers.reader import PassageReader


class Counting:
    """An embedder that counts the texts it is asked to encode."""

    def __init__(self, encoder: MiniLM) -> None:
        self.encoder = encoder
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> Any:
        self.texts += len(texts)
        return self.encoder.encode(texts)


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniLM]:
    embedder = MiniLM(tmp_path_factory.mktemp("models"))
    yield embedder
    embedder.close()


@pytest.fixture
def encoder(minilm: MiniLM) -> Counting:
    return Counting(minilm)


@pytest.fixture
def reader(encoder: Counting) -> PassageReader:
    return PassageReader(encoder)


def passage(id: str, text: str, title: str = "") -> Passage:
    return {
        "id": id, "source": f"{id}.md", "title": title, "headings": [], "page": None,
        "start": 0, "end": len(text), "score": 1.0, "text": text, "signals": {},
    }  # fmt: skip


LEAVE = passage(
    "leave",
    "The office opens at 8. Full-time employees receive 28 days of paid annual leave a year. "
    "Unused days may not be carried over beyond March. Ask Priya Nair for exceptions.",
    "Annual leave",
)
KITCHEN = passage(
    "kitchen", "The kitchen is cleaned every evening. Please label your food in the fridge.", "Kitchen"
)


async def test_the_sentence_that_answers_is_extracted_verbatim(reader: PassageReader) -> None:
    found = await reader.extract("How many days of annual leave do I get?", [KITCHEN, LEAVE], 1)
    assert found == [("Full-time employees receive 28 days of paid annual leave a year.", LEAVE)]


async def test_a_second_sentence_is_taken_only_where_it_adds(reader: PassageReader) -> None:
    one = await reader.extract("How many days of annual leave do employees get?", [LEAVE], 3)
    assert [sentence for sentence, _ in one] == [
        "Full-time employees receive 28 days of paid annual leave a year."
    ]
    both = await reader.extract(
        "How many days of annual leave, and can unused days be carried over?", [LEAVE], 3
    )
    assert [sentence for sentence, _ in both] == [
        "Full-time employees receive 28 days of paid annual leave a year.",
        "Unused days may not be carried over beyond March.",
    ]


async def test_a_question_or_heading_is_answered_by_what_follows_it(reader: PassageReader) -> None:
    faq = passage(
        "faq", "When is salary paid?\n\nOn the 25th of each month.\n\n# Lost badge\nCall the front desk."
    )
    assert await reader.extract("When is salary paid?", [faq], 1) == [("On the 25th of each month.", faq)]
    assert await reader.extract("I lost my badge", [faq], 1) == [("Call the front desk.", faq)]


async def test_nothing_to_read_is_no_error(reader: PassageReader) -> None:
    assert await reader.extract("Anything?", [], 3) == []
    assert await reader.extract("", [LEAVE], 3) == []
    assert await reader.extract("?!", [passage("empty", "")], 3) == []
    assert await reader.support("", [LEAVE]) == []
    assert await reader.answerable("Anything?", []) == 0.0
    assert await reader.answerable("?", [LEAVE]) < 0.2
    assert await reader.answerable("Anything?", [passage("empty", "")]) < 0.2


async def test_a_verbatim_sentence_is_supported_by_its_passage(reader: PassageReader) -> None:
    sentence = "Full-time employees receive 28 days of paid annual leave a year."
    assert await reader.support(sentence, [KITCHEN, LEAVE]) == [
        {"sentence": sentence, "passages": ["leave"], "supported": True, "score": 1.0}
    ]


async def test_the_same_in_other_words_is_supported(reader: PassageReader) -> None:
    (found,) = await reader.support(
        "Every year, full-time employees get 28 days of paid leave.", [KITCHEN, LEAVE]
    )
    assert (found["supported"], found["passages"]) == (True, ["leave"])


@pytest.mark.parametrize(
    "claim",
    [
        "Full-time employees receive 30 days of paid annual leave a year.",
        "Unused days may be carried over beyond March.",
        "Ask Petra Nair for exceptions.",
        "The company was founded by two sisters in Lisbon.",
    ],
)
async def test_a_wrong_number_name_or_negation_is_not_supported(reader: PassageReader, claim: str) -> None:
    (found,) = await reader.support(claim, [LEAVE, KITCHEN])
    assert (found["supported"], found["passages"]) == (False, [])


async def test_each_sentence_has_its_own_citation_in_order(reader: PassageReader) -> None:
    text = "The office opens at 8. The kitchen is cleaned every evening. Whales sing."
    found = await reader.support(text, [LEAVE, KITCHEN])
    assert [citation["passages"] for citation in found] == [["leave"], ["kitchen"], []]
    assert " ".join(citation["sentence"] for citation in found) == text


async def test_a_passage_is_encoded_once(reader: PassageReader, encoder: Counting) -> None:
    await reader.answerable("How many days of leave?", [LEAVE, KITCHEN])
    assert encoder.texts == 3
    await reader.extract("How many days of leave?", [LEAVE, KITCHEN], 3)
    assert encoder.texts == 3


async def test_no_more_passages_are_kept_than_allowed(encoder: Counting) -> None:
    small = PassageReader(encoder, kept=2)
    await small.answerable("How many days of leave?", [LEAVE, KITCHEN])
    await small.answerable("How many days of leave?", [LEAVE, KITCHEN])
    assert encoder.texts == 5


def test_claims_are_compared_by_their_numbers_and_names() -> None:
    assert numbers("1,000 euros for three of 2.5 days") == {"1000", "3", "2.5"}
    assert names("Employees ask Priya Nair. The CEO's office") == {"priya", "nair", "ceo"}
    assert names("Petra Klein decides") == {"petra", "klein"}
    assert contradicts(to_claim("Ask Petra Nair."), to_said("Ask Priya Nair.", 0), denied=False)
    assert not contradicts(to_claim("It opens at eight"), to_said("The office opens at 8.", 0), denied=False)
    assert contradicts(to_claim("It opens at eight"), to_said("The office opens at 8.", 0), denied=True)


async def test_many_sentences_at_once_are_held_against_the_passages_as_each_alone(
    reader: PassageReader,
) -> None:
    said = [
        "Everyone receives 28 days of paid annual leave.", "Leave is 20 days.", "The kitchen is cleaned every evening.",
        "Unused days may be carried over.", "The kitchen is cleaned every evening.", "…!", "Nobody knows.",
    ] * 60  # fmt: skip
    passages = [LEAVE, KITCHEN, passage("none", "")]
    at_once = await reader.support("\n".join(said), passages)
    alone = [one for sentence in said for one in await reader.support(sentence, passages)]
    assert at_once == alone
    assert {one["supported"] for one in at_once} == {True, False}


async def test_a_table_answers_whole_and_each_row_is_supported(reader: PassageReader) -> None:
    table = "| Office | People |\n| --- | --- |\n| Ghent | 96 |\n| Aarhus | 44 |"
    offices = passage("offices", table.replace(" --- |", "---|"), "Where we are")
    found = await reader.extract("How many people work in Aarhus?", [KITCHEN, offices], 3)
    assert found == [(table, offices)]
    assert [
        (one["sentence"], one["passages"]) for one in await reader.support(table, [KITCHEN, offices])
    ] == [
        ("| Office | People |", ["offices"]),
        ("| Ghent | 96 |", ["offices"]),
        ("| Aarhus | 44 |", ["offices"]),
    ]


async def test_the_last_sentence_of_a_question_counts_most(reader: PassageReader) -> None:
    pay = passage("pay", "The primary gets EUR 320 for a week. The secondary gets EUR 140 for a week.")
    found = await reader.extract("What does the primary get for a week? And the secondary?", [pay], 1)
    assert found == [("The secondary gets EUR 140 for a week.", pay)]
