"""What a message is taken for, with the real embedder."""

import json
from pathlib import Path

import pytest

from models.acts import Acts
from models.intents import ExampleIntents
from tests.models.test_smalltalk import minilm

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def intents() -> ExampleIntents:
    return ExampleIntents(minilm(), Acts(minilm()))


@pytest.mark.parametrize(
    "said", ["Bonjour !", "How can you help me?", "r u human or bot", "who made you", "gracias", "bye bye"]
)
async def test_small_talk_is_known_in_the_words_that_people_use(intents: ExampleIntents, said: str) -> None:
    assert (await intents.classify(said))[0] == "smalltalk"


async def test_no_question_of_the_handbook_is_taken_for_small_talk(intents: ExampleIntents) -> None:
    asked: list[str] = []
    for file in EXAMPLES.glob("questions*.jsonl"):
        rows = map(json.loads, file.read_text().splitlines())
        asked += [row["question"] for row in rows if "ways" not in row]
    assert len(asked) > 280
    assert [one for one in asked if (await intents.classify(one))[0] == "smalltalk"] == []


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("good morning, where is the office?", "question"),
        ("Hi Ada! How many days of leave do I get?", "question"),
        ("hey, how are you?", "smalltalk"),
        ("Hello!", "smalltalk"),
    ],
)
async def test_what_follows_a_greeting_is_what_is_meant(
    intents: ExampleIntents, said: str, intent: str
) -> None:
    assert (await intents.classify(said))[0] == intent


async def test_a_long_message_is_no_greeting_whatever_it_begins_with(intents: ExampleIntents) -> None:
    said = (
        "Hello! Hello! How many days of parental leave do I get, and how much of it is paid by the company?"
    )
    assert (await intents.classify(said))[0] == "question"
