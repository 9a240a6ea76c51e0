"""What fits into the model's context."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from contracts.errors import TooLong
from contracts.state import Passage, Turn
from models.budget import BEST, Fitted, fit


def passage(text: str, id: str = "p") -> Passage:
    return Passage(
        id=id, source="", title="", headings=[], page=None, start=0, end=0, score=1.0, text=text, signals={}
    )


def conversation(*texts: str) -> list[Turn]:
    return [Turn(role="assistant" if n % 2 else "user", content=text) for n, text in enumerate(texts)]


async def letters(messages: Sequence[BaseMessage]) -> int:
    """Count a token for every letter and one for every message."""
    return sum(1 + len(message.text) for message in messages)


async def fitted(
    question: str, turns: Sequence[Turn], passages: Sequence[Passage], limit: int, reserve: int = 0
) -> Fitted:
    def render(turns: Sequence[Turn], passages: Sequence[Passage]) -> list[BaseMessage]:
        said = [(HumanMessage if turn["role"] == "user" else AIMessage)(turn["content"]) for turn in turns]
        return [SystemMessage("sys"), *said, HumanMessage("".join(p["text"] for p in passages) + question)]

    return await fit(render, turns, passages, count=letters, limit=limit, reserve=reserve)


async def test_everything_stays_where_everything_fits() -> None:
    found = await fitted("why?", conversation("a", "b"), [passage("xx")], limit=100)
    assert found.fit == {"limit": 100, "prompt_tokens": 15, "dropped_passages": 0, "dropped_turns": 0}
    assert [message.text for message in found.messages] == ["sys", "a", "b", "xxwhy?"]


async def test_the_lowest_ranked_passages_go_first() -> None:
    passages = [passage("x" * 10, str(n)) for n in range(5)]
    found = await fitted("why?", conversation("a" * 10, "b" * 10), passages, limit=70)
    assert [p["id"] for p in found.passages] == ["0", "1", "2"]
    assert len(found.turns) == 2
    assert found.fit == {"limit": 70, "prompt_tokens": 61, "dropped_passages": 2, "dropped_turns": 0}


async def test_then_the_oldest_turns_go_a_question_with_its_answer() -> None:
    passages = [passage("x" * 10, str(n)) for n in range(5)]
    found = await fitted("why?", conversation("a" * 10, "b" * 10, "c" * 10, "d" * 10), passages, limit=65)
    assert [p["id"] for p in found.passages] == ["0", "1"]
    assert [turn["content"] for turn in found.turns] == ["c" * 10, "d" * 10]
    assert (found.fit["dropped_passages"], found.fit["dropped_turns"]) == (3, 2)


async def test_the_best_passages_outlive_the_turns_and_go_last() -> None:
    passages = [passage("x" * 10, str(n)) for n in range(5)]
    found = await fitted("why?", conversation("a" * 10, "b" * 10), passages, limit=20)
    assert [p["id"] for p in found.passages] == ["0"]
    assert (found.fit["dropped_passages"], found.fit["dropped_turns"]) == (4, 2)


async def test_the_reserve_is_left_for_the_answer() -> None:
    assert (await fitted("why?", [], [passage("x" * 10)], limit=40, reserve=21)).passages != []
    assert (await fitted("why?", [], [passage("x" * 10)], limit=40, reserve=22)).passages == []


async def test_a_question_that_does_not_fit_alone_is_too_long() -> None:
    words = r"takes 105 tokens with its instructions, more than the 80 .* \(100 less 20\)"
    with pytest.raises(TooLong, match=words):
        await fitted("q" * 100, conversation("a", "b"), [passage("x")], limit=100, reserve=20)


LENGTHS = st.lists(st.integers(min_value=0, max_value=30), max_size=8)


@given(
    question=st.integers(min_value=0, max_value=30),
    turns=LENGTHS,
    texts=LENGTHS,
    limit=st.integers(min_value=1, max_value=300),
    reserve=st.integers(min_value=0, max_value=50),
)
async def test_no_prompt_is_over_the_limit_and_none_is_shorter_than_need_be(
    question: int, turns: list[int], texts: list[int], limit: int, reserve: int
) -> None:
    asked, room = "q" * question, limit - reserve
    said, passages = conversation(*("t" * n for n in turns)), [passage("p" * n) for n in texts]
    alone = 1 + len("sys") + 1 + question
    if alone > room:
        with pytest.raises(TooLong, match=f"{alone} tokens"):
            await fitted(asked, said, passages, limit, reserve)
        return
    found = await fitted(asked, said, passages, limit, reserve)
    assert await letters(found.messages) == found.fit["prompt_tokens"] <= room
    assert found.messages[0].text == "sys"
    assert found.messages[-1].text.endswith(asked)
    assert found.passages == passages[: len(found.passages)]
    assert found.turns == said[len(said) - len(found.turns) :]
    tokens, kept, read = found.fit["prompt_tokens"], len(found.turns), len(found.passages)
    if read < len(passages) and (kept == len(said) or read != BEST):
        assert tokens + texts[read] > room  # one passage more is one too many
    if kept < len(said):
        assert read <= BEST
        following = [1 + n for n in turns[len(said) - kept - 2 : len(said) - kept]]
        assert read < min(BEST, len(passages)) or tokens + sum(following) > room
