"""What is looked for at a turn of a conversation."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langgraph.runtime import Runtime
from pydantic import Field

from contracts.state import Turn
from nodes.retrieve import retrieve
from nodes.sought import sought
from nodes.understand import understand

TURNS: list[Turn] = [
    {"role": "user", "content": "What is parental leave?"},
    {"role": "assistant", "content": "Leave for parents."},
    {"role": "user", "content": "How long is it for fathers?"},
    {"role": "assistant", "content": "Sixteen weeks."},
]


def test_a_follow_up_looks_for_what_was_said_before_it_the_latest_most() -> None:
    assert sought("And for mothers?", TURNS, leans=True, near=0.0) == [
        {"text": "And for mothers?", "weight": 1.0},
        {"text": "How long is it for fathers?", "weight": 0.5},
        {"text": "What is parental leave?", "weight": 0.25},
        {"text": "Sixteen weeks.", "weight": 0.1},
    ]


def test_a_message_that_says_what_it_is_about_takes_half_of_it() -> None:
    found = sought("How long is parental leave in Sweden?", TURNS, leans=False, near=0.6)
    assert [one["weight"] for one in found] == [1.0, 0.25, 0.125, 0.05]


def test_a_new_topic_gets_nothing_of_the_old_one() -> None:
    assert sought("Which port does the printer use?", TURNS, leans=False, near=-0.02) == [
        {"text": "Which port does the printer use?", "weight": 1.0}
    ]


def test_a_long_answer_is_read_up_to_its_three_hundredth_character() -> None:
    long: list[Turn] = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "a" * 4000}]
    assert [len(one["text"]) for one in sought("And then?", long, leans=True, near=0.0)] == [9, 4, 300]


class Asked(BaseRetriever):
    """Notes what it is asked for."""

    calls: list[Any] = Field(default_factory=list)

    def _get_relevant_documents(self, query: str, *, sought: Any = None, **_: Any) -> list[Document]:
        raise NotImplementedError

    async def _aget_relevant_documents(self, query: str, *, sought: Any = None, **_: Any) -> list[Document]:
        self.calls.append((query, sought))
        return []


@dataclass
class Minds:
    """Takes every message for a question, as near to the one before as told."""

    near: float

    async def classify(self, message: str) -> tuple[str, float]:
        return "question", 1.0

    async def nearest(self, message: str, topics: list[str]) -> tuple[str, float]:
        return topics[0], self.near


@dataclass
class Writer:
    """A model that rewrites every follow-up in the same way; None where there is none."""

    text: str | None

    async def rewrite(self, messages: Any) -> str | None:
        return self.text


@dataclass
class Reached:
    intents: Minds
    chat: Writer
    retriever: Asked = field(default_factory=Asked)


@pytest.mark.parametrize(
    ("written", "standalone", "first"),
    [
        (None, "What is parental leave? How long is it for fathers? And for mothers?", "And for mothers?"),
        ("How long is it for mothers?", "How long is it for mothers?", "How long is it for mothers?"),
        (
            "Sure!\nHere it is:",
            "What is parental leave? How long is it for fathers? And for mothers?",
            "And for mothers?",
        ),
    ],
    ids=["without a model", "with a model", "with a model that chats"],
)
async def test_the_retriever_is_asked_for_what_understand_says(
    written: str | None, standalone: str, first: str
) -> None:
    reached: Any = Reached(Minds(0.4), Writer(written))
    understood: Any = await understand(
        {"question": "And for mothers?", "turns": TURNS}, Runtime(context=reached)
    )
    await retrieve(understood, Runtime(context=reached))

    assert understood["standalone"] == standalone
    before = [
        ("How long is it for fathers?", 0.5),
        ("What is parental leave?", 0.25),
        ("Sixteen weeks.", 0.1),
    ]
    assert reached.retriever.calls == [(standalone, [(first, 1.0), *before])]


async def test_the_first_question_of_a_conversation_is_looked_for_as_it_is() -> None:
    reached: Any = Reached(Minds(0.4), Writer(None))
    understood: Any = await understand(
        {"question": "And for mothers?", "turns": []}, Runtime(context=reached)
    )
    await retrieve(understood, Runtime(context=reached))
    assert reached.retriever.calls == [("And for mothers?", None)]
