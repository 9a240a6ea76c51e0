"""The joined graph does what the plan says, in the plan's order, in fewer steps."""

import sqlite3
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy

from contracts.context import Context
from contracts.state import Passage, Recalled, RunState
from graph.build import APART, build_graph, plan
from graph.steps import joined, stages_of
from tests.graph.parts import Counter, Screen, World, opened


async def told_by(world: World, graph: Any) -> tuple[Screen, list[RunState]]:
    """Return what clients see and what is recorded when this graph answers."""
    world.graph, world.recorded, world.desk = graph, [], Counter()
    screen = await world.go()
    return screen, world.recorded


def taken_apart() -> Any:
    """Return the graph of the plan, each node in a step of its own; it tells through the graph's own stream."""
    return joined(plan(), tuple(plan().nodes)).compile(checkpointer=InMemorySaver())


@pytest.mark.parametrize("way", ["answer", "smalltalk", "escalate", "person", "refuse", "clarify"])
async def test_fewer_steps_tell_and_record_the_same(way: str):
    async with opened() as world:
        if way == "escalate":
            world.reader.sure = 0.1
        if way in ("smalltalk", "person"):
            world.intents.intent = way
        if way == "refuse":
            world.agent = world.agent.model_copy(update={"blocked_topics": ["leave"]})
        joined_up = await told_by(world, build_graph(InMemorySaver()))
        one_by_one = await told_by(world, taken_apart())

    def timeless(found: tuple[Screen, list[RunState]]) -> Any:
        screen, recorded = found
        return screen.events, screen.text, [{**state, "usage": None} for state in recorded]

    assert timeless(joined_up) == timeless(one_by_one)
    assert joined_up[1]


class Approved:
    """Remembers one approved answer."""

    async def recall(self, question: str) -> Recalled | None:
        passages: list[Passage] = []
        return {
            "kind": "canonical", "text": "30 days.", "score": 1.0, "approved_by": "ann", "approved_at": "2026-01-01",
            "passages": passages, "citations": [],
        }  # fmt: skip

    async def remember(self, question: str, state: RunState) -> None:
        raise AssertionError


async def test_what_a_node_decides_is_told_before_the_next_one_sends_text():
    async with opened() as world:
        world.memory = Approved()  # pyright: ignore[reportAttributeAccessIssue] - another memory
        screen = await world.go()
    names = screen.names()
    assert names.index("decision") < names.index("token")
    assert screen.text == "30 days."


class Ailing:
    """Fails some times before it remembers that there is nothing."""

    def __init__(self, times: int, failure: Exception) -> None:
        self.left, self.failure, self.asked = times, failure, 0

    async def recall(self, question: str) -> Recalled | None:
        self.asked += 1
        self.left -= 1
        if self.left >= 0:
            raise self.failure
        return None

    async def remember(self, question: str, state: RunState) -> None:
        pass


async def test_an_outage_that_passes_is_waited_for():
    async with opened() as world:
        world.memory = ailing = Ailing(2, sqlite3.OperationalError("locked"))  # pyright: ignore[reportAttributeAccessIssue]
        screen = await world.go()
    assert (ailing.asked, len(screen.named("decision"))) == (3, 1)


@pytest.mark.parametrize(("failure", "asked"), [(sqlite3.OperationalError("locked"), 3), (KeyError("x"), 1)])
async def test_an_outage_that_stays_and_a_defect_end_the_run(failure: Exception, asked: int):
    async with opened() as world:
        world.memory = ailing = Ailing(9, failure)  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(type(failure)):
            await world.go()
    assert ailing.asked == asked


async def test_a_node_gets_its_slice_alone():
    seen: dict[str, set[str]] = {}
    graph = build_graph(InMemorySaver())
    for name, stage in stages_of(graph).items():
        stage.run = noting(seen, name, stage.run)
    async with opened() as world:
        await told_by(world, graph)
    assert seen["guard"] == {"question"}
    assert all(found <= set(RunState.__annotations__) for found in seen.values())
    assert seen["retrieve"] < seen["record"]


def noting(seen: dict[str, set[str]], name: str, run: Any) -> Any:
    async def noted(state: dict[str, Any], *, runtime: Any) -> Any:
        seen[name] = set(state)
        return await run(state, runtime=runtime)

    return noted


async def test_every_node_of_the_plan_is_reached_and_only_boundaries_are_apart():
    steps = set(build_graph().nodes) - {START}
    assert steps == {"guard", "verify", "publish", *APART}
    assert set(stages_of(build_graph())) == set(plan().nodes)


async def returns(state: RunState) -> RunState:
    return state


async def test_a_node_that_is_apart_is_tried_again_as_the_plan_says():
    graph: StateGraph[RunState, Context] = StateGraph(RunState, context_schema=Context)
    again = RetryPolicy(max_attempts=2, retry_on=lambda _: True)
    graph.add_node("alone", returns, retry_policy=again)
    graph.add_edge(START, "alone")
    graph.add_edge("alone", END)
    assert joined(graph, ("alone",)).nodes["alone"].retry_policy == again


def test_a_policy_that_no_step_could_follow_is_refused():
    graph: StateGraph[RunState, Context] = StateGraph(RunState, context_schema=Context)
    graph.add_node("picky", returns, retry_policy=RetryPolicy(retry_on=KeyError))
    graph.add_edge(START, "picky")
    graph.add_edge("picky", END)
    with pytest.raises(ValueError, match="retry_on"):
        joined(graph, ())


def test_a_plain_function_is_refused():
    graph: StateGraph[RunState, Context] = StateGraph(RunState, context_schema=Context)

    def blocks(state: RunState) -> RunState:
        return state

    graph.add_node("blocks", blocks)
    graph.add_edge(START, "blocks")
    graph.add_edge("blocks", END)
    with pytest.raises(ValueError, match="coroutine"):
        joined(graph, ())
