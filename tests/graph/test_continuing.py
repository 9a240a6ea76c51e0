"""An answer that was broken off goes on where clients have it, or starts anew; what they show is what is stored."""

import pytest

from bench.lines import word
from contracts.agents import ModelChoice
from contracts.errors import ModelUnavailable
from tests.graph.parts import QUESTION, opened

WHOLE = "".join(word(n) for n in range(8))
DOCUMENT = "We have 30 days of leave."


@pytest.mark.parametrize("words", range(1, 9))
async def test_a_model_goes_on_with_the_next_word_wherever_it_was_broken_off(words: int) -> None:
    said = "".join(word(n) for n in range(words))
    async with opened() as world:
        screen = await world.go(said=said)
        last = world.stub.last["messages"][-1]
        assert (last["role"], last["content"]) == ("assistant", said)
        assert screen.named("restart") == []
        assert screen.text == world.state["text"] == world.recorded[0]["text"] == WHOLE
        assert world.state["usage"]["completion_tokens"] == 8 - words


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ("The stub ", WHOLE),
        ("The stub\n\n", WHOLE.replace("stub ", "stub\n\n")),
        ("The stub \n", WHOLE.replace("stub ", "stub \n")),
    ],
)
async def test_blanks_at_the_seam_are_neither_lost_nor_doubled(said: str, whole: str) -> None:
    async with opened() as world:
        screen = await world.go(said=said)
        assert world.stub.last["messages"][-1]["content"] == "The stub"
        assert screen.text == world.state["text"] == whole


async def test_a_model_that_closes_its_last_message_starts_anew_and_clients_are_told() -> None:
    async with opened(continues=False) as world:
        screen = await world.go(said="The stub counts")
        assert [message["role"] for message in world.stub.last["messages"]] == ["system", "user"]
        assert screen.names() == ["decision", "sources", "context", "restart", "token", "citation"]
        assert screen.text == world.state["text"] == WHOLE


async def test_an_answerer_that_repeats_itself_says_only_what_is_missing() -> None:
    async with opened() as world:
        world.choice = ModelChoice(primary="extractive")
        for n in range(len(DOCUMENT) + 1):
            screen = await world.go(said=DOCUMENT[:n], thread=str(n))
            assert (screen.text, world.state["text"]) == (DOCUMENT, DOCUMENT)
            assert screen.named("restart") == []


@pytest.mark.parametrize("said", ["We have 29", "We have 30 days of leave. And more."])
async def test_an_answerer_that_says_something_else_now_starts_anew(said: str) -> None:
    async with opened() as world:
        world.choice = ModelChoice(primary="extractive")
        screen = await world.go(said=said)
        assert len(screen.named("restart")) == 1
        assert screen.text == world.state["text"] == DOCUMENT


async def test_a_sentence_of_a_node_s_own_is_finished_or_replaced() -> None:
    async with opened() as world:
        world.reader.sure = 0.1
        whole = await world.go(thread="whole")
        screen = await world.go(said=whole.text[:20], thread="part")
        assert (screen.text, screen.named("restart")) == (whole.text, [])
        screen = await world.go(said="The stub counts", thread="other")
        assert (screen.text, len(screen.named("restart"))) == (whole.text, 1)


async def test_a_run_goes_on_from_its_last_checkpoint_without_asking_the_model_again() -> None:
    async with opened() as world:
        first = await world.go(until="generate")
        assert world.stub.served == 1
        screen = await world.go(given=None, said=first.text)
        assert (world.stub.served, screen.text) == (1, WHOLE)
        assert [state["text"] for state in world.recorded] == [WHOLE]


async def test_a_model_that_says_nothing_at_all_is_an_error_and_one_that_had_ended_is_not() -> None:
    async with opened() as world:
        assert (await world.go(said=WHOLE)).text == WHOLE
        world.stub.tokens = 0
        with pytest.raises(ModelUnavailable, match="answered with nothing"):
            await world.go(QUESTION, thread="empty")


async def test_what_was_said_counts_towards_the_length_of_the_answer() -> None:
    async with opened() as world:
        await world.go(thread="fresh")
        fresh = world.stub.last["options"]["num_predict"]
        await world.go(said="The stub counts words so", thread="on")
        assert world.stub.last["options"]["num_predict"] < fresh
