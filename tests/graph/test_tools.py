"""Tools that the model calls while it answers: over real HTTP, once each, with a person's yes where it takes one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langgraph.types import Command

from bench.lines import word
from contracts.agents import AgentConfig
from contracts.tools import Tool
from graph.journal import RunJournal
from nodes.generate import ROUNDS
from ports.settings import EVERYWHERE
from ports.tools import open_tools
from store.engine import Database
from tests.graph.parts import ANN, Screen, World, opened
from tests.servers.tool import serving_tool

WHOLE = "".join(word(n) for n in range(8))
ASK = 'How many cups do we have in stock? [[tool:stock {"item": "cup"}]]'
SCHEMA = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}


@asynccontextmanager
async def shop(database: Database, thread: str, *, approve: bool = False, **agent: Any) -> AsyncIterator[Any]:
    """Give a world whose agent has one tool, and the tool's server."""
    async with serving_tool() as server, open_tools(EVERYWHERE) as tools, opened() as world:
        tool = Tool(name="stock", description="Counts", parameters=SCHEMA, url=server.url, approve=approve)
        world.agent = AgentConfig(tools=[tool], **agent)
        world.more = {"tools": tools, "journal": RunJournal(database, ANN, thread)}
        yield world, server


async def answered(world: World, asked: Screen, **said: Any) -> Screen:
    """Answer the interrupt; another run goes on, with a stream of its own."""
    (question,) = asked.named("interrupt")
    return await world.go(Command(resume={question["id"]: {"by": "olga", **said}}), run_id="run_2")


def results(world: World) -> list[str]:
    """What the model was last told of its calls."""
    return [one["content"] for one in world.stub.last["messages"] if one["role"] == "tool"]


async def test_the_model_reads_what_its_tool_returned_and_answers(database: Database, thread: str) -> None:
    async with shop(database, thread) as (world, server):
        screen = await world.go(ASK)
        assert (server.arguments, server.keys) == ([{"item": "cup"}], [f"{thread}:act0:0"])
        assert results(world) == ['{"stock": 7}']
        asking, told = world.stub.last["messages"][-2:]
        assert asking["tool_calls"][0]["function"]["arguments"] == {"item": "cup"}
        assert (told["tool_name"], world.stub.served) == ("stock", 2)
        assert (screen.text, world.state["text"]) == (WHOLE, WHOLE)
        assert screen.names() == ["decision", "sources", "context", "token", "citation"]
        assert world.state["usage"]["prompt_tokens"] == 20
        assert world.state["usage"]["completion_tokens"] == 8


async def test_what_a_tool_said_is_not_remembered_for_the_next_who_asks(
    database: Database, thread: str
) -> None:
    async with shop(database, thread) as (world, _):
        await world.go("How many cups do we have in stock?", thread="no call")
        assert len(world.memory.kept) == 1
        await world.go(ASK)
        assert len(world.memory.kept) == 1


async def test_what_was_written_before_a_call_stays_in_the_answer(database: Database, thread: str) -> None:
    async with shop(database, thread) as (world, _):
        world.stub.aloud = 3
        screen = await world.go(ASK)
        assert screen.text == world.state["text"] == "The stub counts\n\n" + WHOLE
        assert world.stub.last["messages"][-2]["content"] == "The stub counts"


async def test_calls_of_one_round_are_made_one_by_one_and_each_is_another_effect(
    database: Database, thread: str
) -> None:
    async with shop(database, thread) as (world, server):
        await world.go(ASK + ' and [[tool:stock {"item": "pan"}]]')
        assert server.arguments == [{"item": "cup"}, {"item": "pan"}]
        assert server.keys == [f"{thread}:act0:0", f"{thread}:act0:1"]


async def test_a_model_that_never_stops_calling_has_to_answer(database: Database, thread: str) -> None:
    async with shop(database, thread) as (world, server):
        screen = await world.go('[[loop:stock {"item": "cup"}]]')
        assert server.keys == [f"{thread}:act{n}:0" for n in range(ROUNDS)]
        assert (world.stub.served, screen.text) == (ROUNDS + 1, WHOLE)
        assert "tools" not in world.stub.last


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ('[[tool:stock {"thing": 1}]]', "The argument 'item' is missing. The tool was not called."),
        (
            '[[tool:stock {"item": 1}]]',
            "The argument 'item' must be of type string. The tool was not called.",
        ),
        ("[[tool:sell {}]]", "There is no tool 'sell'. It was not called."),
    ],
)
@pytest.mark.parametrize("approve", [False, True])
async def test_a_call_that_makes_no_sense_is_not_made_and_nobody_is_asked(
    database: Database, thread: str, question: str, told: str, approve: bool
) -> None:
    async with shop(database, thread, approve=approve) as (world, server):
        screen = await world.go(question)
        assert (server.arguments, results(world), screen.text) == ([], [told], WHOLE)
        assert len(screen.named("decision")) == 1


async def test_a_tool_that_fails_is_an_answer_that_the_model_reads(database: Database, thread: str) -> None:
    async with shop(database, thread) as (world, server):
        server.status, server.body = 503, b"closed"
        screen = await world.go(ASK)
        assert results(world) == ["The tool answered with status 503: closed"]
        assert screen.text == WHOLE


async def test_of_a_long_result_the_model_reads_the_front_and_is_told_so(
    database: Database, thread: str
) -> None:
    async with shop(database, thread) as (world, server):
        server.body = b"cup " * 5000
        await world.go(ASK)
        assert results(world)[0].endswith("\n(Cut here: these are the first 8,000 of 20,000 characters.)")
        server.body = b"1" * 20_000  # a token each: more than the model can read beside its answer
        await world.go(ASK.replace("cup", "pan"), thread="narrow")
        assert 0 < len(results(world)[0]) < 4096


async def test_small_talk_and_a_model_that_cannot_are_offered_no_tools(
    database: Database, thread: str
) -> None:
    async with shop(database, thread) as (world, server):
        await world.go("How many cups do we have in stock?")
        assert [tool["function"]["name"] for tool in world.stub.last["tools"]] == ["stock"]
        assert "url" not in str(world.stub.last["tools"])
        assert "call your tools" in world.stub.last["messages"][0]["content"]
        world.intents.intent = "smalltalk"
        await world.go(ASK, thread="talk")
        assert "tools" not in world.stub.last
        world.intents.intent = "question"
        world.choice = world.choice.model_copy(update={"primary": "extractive"})
        screen = await world.go(ASK, thread="extractive")
        assert (screen.text, server.arguments) == ("We have 30 days of leave.", [])


async def test_a_person_is_asked_before_the_call_and_the_new_run_tells_all_of_it(
    database: Database, thread: str
) -> None:
    async with shop(database, thread, approve=True) as (world, server):
        world.stub.aloud = 3
        asked = await world.go(ASK)
        (question,) = asked.named("interrupt")
        assert question["kind"] == "tool_call"
        assert question["payload"] == {"tool": "stock", "description": "Counts", "arguments": {"item": "cup"}}
        assert (asked.text, server.arguments) == ("The stub counts", [])
        screen = await answered(world, asked, action="approve")
        assert server.arguments == [{"item": "cup"}]
        assert screen.names() == ["decision", "sources", "token", "citation"]
        assert screen.text == world.state["text"] == "The stub counts\n\n" + WHOLE
        assert world.state["usage"]["prompt_tokens"] == 10  # of this run alone


@pytest.mark.parametrize(
    ("said", "told", "called"),
    [
        ({"action": "edit", "arguments": {"item": "jug"}}, '{"stock": 7}', [{"item": "jug"}]),
        ({"action": "edit", "arguments": {}}, "The argument 'item' is missing. The tool was not called.", []),
        ({"action": "reject"}, "A person did not allow this call. It was not made.", []),
        (
            {"action": "reject", "comment": "too dear"},
            "A person did not allow this call: too dear. It was not made.",
            [],
        ),
        (
            {"action": "reject", "comment": " Take the jug! "},
            "A person did not allow this call: Take the jug! It was not made.",
            [],
        ),
        ({"action": "reject", "comment": " "}, "A person did not allow this call. It was not made.", []),
        ({"action": "expire"}, "Nobody allowed this call in time. It was not made.", []),
        ({"action": "edit", "arguments": "all"}, "A person did not allow this call. It was not made.", []),
    ],
)
async def test_what_a_person_says_is_what_happens(
    database: Database, thread: str, said: Any, told: str, called: list[Any]
) -> None:
    async with shop(database, thread, approve=True) as (world, server):
        screen = await answered(world, await world.go(ASK), **said)
        assert (server.arguments, results(world), screen.text) == (called, [told], WHOLE)


async def test_one_yes_is_for_one_call(database: Database, thread: str) -> None:
    async with shop(database, thread, approve=True) as (world, server):
        first = await world.go(ASK + ' and [[tool:stock {"item": "pan"}]]')
        second = await answered(world, first, action="approve")
        assert server.arguments == [{"item": "cup"}]
        again = await answered(world, first, action="approve")  # the same yes once more
        for screen in (second, again):
            assert screen.named("interrupt")[0]["payload"]["arguments"] == {"item": "pan"}
        await answered(world, second, action="reject")
        assert (server.arguments, len(world.recorded)) == ([{"item": "cup"}], 1)


async def test_a_no_holds_whatever_the_agent_is_set_to_meanwhile(database: Database, thread: str) -> None:
    async with shop(database, thread, approve=True) as (world, server):
        asked = await world.go(ASK)
        free = world.agent.tools[0].model_copy(update={"approve": False})
        world.agent = world.agent.model_copy(update={"tools": [free]})
        await answered(world, asked, action="reject")
        assert server.arguments == []


@pytest.mark.parametrize("until", ["generate", "act"])
async def test_a_run_that_is_taken_over_calls_no_tool_twice(
    database: Database, thread: str, until: str
) -> None:
    async with shop(database, thread) as (world, server):
        world.stub.aloud = 3
        first = await world.go(ASK, until=until)
        screen = await world.go(None, said=first.text)
        assert screen.text == world.state["text"] == "The stub counts\n\n" + WHOLE
        assert screen.named("restart") == []
        await world.go(ASK, thread="its checkpoints are lost")
        assert server.keys == [f"{thread}:act0:0"]


async def test_another_call_in_the_same_place_gets_no_result_of_the_first(
    database: Database, thread: str
) -> None:
    async with shop(database, thread) as (world, server):
        await world.go(ASK)
        await world.go(ASK.replace("cup", "pan"), thread="its checkpoints are lost")
        assert server.arguments == [{"item": "cup"}, {"item": "pan"}]
        assert len(set(server.keys)) == 2


async def test_an_answer_with_a_call_goes_on_where_it_was_broken_off(database: Database, thread: str) -> None:
    async with shop(database, thread) as (world, _):
        world.stub.aloud = 3
        await world.go(ASK, until="act")
        screen = await world.go(None, said="The stub counts\n\nThe stub")
        assert world.stub.last["messages"][-1]["content"] == "The stub"
        assert screen.text == world.state["text"] == "The stub counts\n\n" + WHOLE


async def test_a_draft_may_call_tools_before_a_person_looks_at_it(database: Database, thread: str) -> None:
    async with shop(database, thread, approve_below=1) as (world, server):
        world.stub.aloud = 3
        asked = await world.go(ASK)
        (question,) = asked.named("interrupt")
        assert question["payload"]["text"] == "The stub counts\n\n" + WHOLE
        assert (asked.text, len(server.keys)) == ("", 1)
        screen = await answered(world, asked, action="approve")
        assert (screen.text, len(server.keys)) == ("The stub counts\n\n" + WHOLE, 1)
