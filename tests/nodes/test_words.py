"""What leans on the conversation."""

import pytest

from nodes.words import asks, has_words, is_open, leans


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


@pytest.mark.parametrize(
    "message", ["tell me about it", "tell me more", "is it allowed?", "what about the other one", "and then?"]
)
def test_a_first_message_that_names_nothing_is_open(message: str):
    assert is_open(message) is True


@pytest.mark.parametrize(
    "message",
    [
        "where can i smoke",
        "is there a shower",
        "what if the press release breaks an embargo",
        "i lost my key, who changes it",
        "leave?",
    ],
)
def test_a_first_message_that_names_its_thing_is_not(message: str):
    assert is_open(message) is False


def test_what_is_told_of_oneself_asks_for_help():
    assert [asks(text) for text in ("i forgot my key", "my key is lost", "whats a key", "key")] == [
        True, True, True, False,
    ]  # fmt: skip


def test_a_sum_has_no_words():
    assert [has_words(text) for text in ("2+2", "whats 15% of 240", "17 * 23 = ?", "and the bill?")] == [
        False, False, False, True,
    ]  # fmt: skip
