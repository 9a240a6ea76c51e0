"""An answer that a person looks at first: nothing of it is sent before, and what is sent is what was approved."""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from bench.lines import word
from contracts.agents import AgentConfig
from graph.build import build_graph
from tests.graph.parts import Screen, World, opened

WHOLE = "".join(word(n) for n in range(8))


async def paused(world: World, below: float = 1) -> Screen:
    world.agent = AgentConfig(approve_below=below)
    return await world.go()


async def answered(world: World, asked: Screen, **said: Any) -> Screen:
    """Answer the interrupt; another run goes on, with a stream of its own."""
    (question,) = asked.named("interrupt")
    return await world.go(Command(resume={question["id"]: {"by": "olga", **said}}), run_id="run_2")


async def test_a_person_is_shown_the_answer_and_the_asker_nothing_of_it() -> None:
    async with opened() as world:
        asked = await paused(world)
        (question,) = asked.named("interrupt")
        assert question["kind"] == "approve_answer"
        payload = question["payload"]
        assert (payload["text"], payload["confidence"]) == (WHOLE, 0.8)
        assert payload["question"] == "How many days of leave do we have?"
        assert [one["sentence"] for one in payload["citations"]] == [WHOLE]
        assert payload["passages"] == [
            {"id": "p1", "source": "leave.md", "title": "Leave", "text": "We have 30 days of leave."}
        ]
        assert asked.names() == ["decision", "context", "interrupt"]
        assert asked.named("decision")[0]["path"] == "queue"
        assert asked.named("decision")[0]["reason"] == "a person looks at this answer first"
        assert world.recorded == []


async def test_an_approved_answer_is_told_in_full_to_the_readers_of_the_new_run() -> None:
    async with opened() as world:
        asked = await paused(world)
        world.memory.kept.clear()
        screen = await answered(world, asked, action="approve")
        assert screen.names() == ["decision", "sources", "token", "citation"]
        assert (screen.text, world.state["text"], world.state["status"]) == (WHOLE, WHOLE, "completed")
        decision = screen.named("decision")[0]
        assert (decision["path"], decision["reason"]) == ("auto_answer", "approved by olga")
        assert [one["id"] for one in screen.named("sources")[0]["passages"]] == ["p1"]
        assert (world.stub.served, len(world.recorded)) == (1, 1)
        assert world.memory.kept == ["How many days of leave do we have?"]


async def test_an_edited_answer_is_verified_anew_and_not_remembered() -> None:
    async with opened() as world:
        asked = await paused(world)
        screen = await answered(world, asked, action="edit", text=" It is 30 days.\n")
        assert screen.text == world.recorded[0]["text"] == "It is 30 days."
        assert [one["sentence"] for one in screen.named("citation")] == ["It is 30 days."]
        assert screen.named("decision")[0]["reason"] == "edited and approved by olga"
        assert world.memory.kept == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"action": "reject"}, "a person looked at the answer and did not approve it"),
        ({"action": "expire"}, "nobody looked at the answer in time"),
        ({"action": "edit", "text": "  "}, "a person looked at the answer and did not approve it"),
        ({"action": "whatever"}, "a person looked at the answer and did not approve it"),
    ],
)
async def test_what_is_no_clear_yes_sends_no_answer_and_offers_a_person(said: Any, reason: str) -> None:
    async with opened() as world:
        asked = await paused(world)
        screen = await answered(world, asked, **said)
        assert screen.names() == ["decision", "token", "suggestions"]
        assert screen.text == world.state["text"] == f"I cannot send you an answer: {reason}."
        assert (world.state["status"], world.state["decision"]["path"]) == ("refused", "refuse")
        (action,) = screen.named("suggestions")[0]["actions"]
        assert (action["action"], action["target"]) == ("escalate", "run_2")
        assert world.memory.kept == []


@pytest.mark.parametrize(("below", "waits"), [(0, False), (0.8, False), (0.81, True), (1, True)])
async def test_the_bar_says_which_answers_wait(below: float, waits: bool) -> None:
    async with opened() as world:
        asked = await paused(world, below)
        assert bool(asked.named("interrupt")) is waits
        assert asked.text == ("" if waits else WHOLE)


async def test_at_one_even_a_sure_answer_waits_and_small_talk_never_does() -> None:
    async with opened() as world:
        world.reader.sure = 1.0
        assert len((await paused(world)).named("interrupt")) == 1
        world.intents.intent = "smalltalk"
        world.choice = world.choice.model_copy(update={"fast": "stub"})
        talk = await world.go("Hello!", thread="talk")
        assert (talk.named("interrupt"), talk.text) == ([], WHOLE)


@pytest.mark.parametrize("again", ["the answer", "nothing"])
async def test_a_death_after_the_yes_changes_nothing(again: str) -> None:
    async with opened() as world:
        asked = await paused(world)
        (question,) = asked.named("interrupt")
        yes: Any = Command(resume={question["id"]: {"action": "approve", "by": "olga"}})
        await world.go(yes, run_id="run_2", until="approve")
        screen = await world.go(yes if again == "the answer" else None, run_id="run_2", said="The stub")
        assert (screen.text, screen.named("restart")) == (WHOLE, [])
        assert [state["decision"]["reason"] for state in world.recorded] == ["approved by olga"]
        assert world.stub.served == 1


async def test_the_same_yes_given_after_the_end_says_nothing_twice() -> None:
    async with opened() as world:
        asked = await paused(world)
        await answered(world, asked, action="approve")
        screen = await answered(world, asked, action="approve")
        assert (screen.text, len(world.recorded)) == ("", 1)


async def test_a_question_to_a_person_survives_a_restart(tmp_path: Path) -> None:
    file = str(tmp_path / "checkpoints.sqlite")
    async with opened() as world:
        async with AsyncSqliteSaver.from_conn_string(file) as saver:
            world.graph = build_graph(saver)
            asked = await paused(world)
        async with AsyncSqliteSaver.from_conn_string(file) as saver:
            world.graph = build_graph(saver)
            screen = await answered(world, asked, action="approve")
        assert (screen.text, world.stub.served) == (WHOLE, 1)
