"""What leans on the conversation."""

import pytest

from nodes.words import asks, leans


@pytest.mark.parametrize(
    "question",
    [
        "And the secondary?",
        "What about London?",
        "How long is it for the other one?",
        "Who approves it?",
        "leave?",
    ],
)
def test_a_follow_up_leans(question: str):
    assert leans(question) is True


@pytest.mark.parametrize(
    "question",
    [
        "Is there a yearly bonus?",
        "When is lunch?",
        "My laptop was stolen. How fast do I have to report it?",
        "How many days of leave do I have?",
    ],
)
def test_a_question_that_names_its_thing_stands_alone(question: str):
    assert leans(question) is False


def test_a_topic_asks_nothing():
    assert [asks(text) for text in ("opening hours", "leave?", "who approves?", "When is lunch?")] == [
        False, False, True, True,
    ]  # fmt: skip
