"""Joins nodes into steps: what the graph does between two of its checkpoints is one step of LangGraph's.

A step of LangGraph's costs 0.8 ms of CPU beside what its node does (docs/runtime.md), and a run keeps a checkpoint only
before a node that streams or waits for a person. The nodes between are done again as a whole after a crash, so they
can as well be called one after the other. Which nodes there are and who follows whom stays in graph/build.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from inspect import isfunction
from typing import Any, Final, cast, get_type_hints

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, RetryPolicy

from contracts.context import Context
from contracts.state import RunState

Update = dict[str, Any]
NodeFunction = Callable[..., Awaitable[Update]]
Onward = Callable[[Any], Awaitable[str]]

ONCE: Final = RetryPolicy(max_attempts=1)


@dataclass(slots=True)
class Stage:
    """A node as a step calls it."""

    run: NodeFunction
    """`run(slice, runtime=…)`."""
    reads: frozenset[str]
    """The keys of its slice."""
    again: RetryPolicy
    onward: Onward
    """Says from the state which node is next; END where none is."""


@dataclass(slots=True)
class Walk:
    """A step: from its first node on, until a node that is apart is next."""

    first: str
    stages: Mapping[str, Stage]
    apart: Collection[str]

    async def go(self, state: RunState, runtime: Runtime[Context]) -> Command[Any]:
        """Call the nodes, tell what each has written as soon as it has, and return it all."""
        known: Update = {**state}
        written: Update = {}
        name = self.first
        while name != END and name not in self.apart:
            stage = self.stages[name]
            given = {key: known[key] for key in stage.reads & known.keys()}
            update = await attempted(stage, given, runtime)
            runtime.context.tell(name, update)
            known.update(update)
            written.update(update)
            name = await stage.onward(known)
        return Command(update=written, goto=name)


async def attempted(stage: Stage, given: Update, runtime: Runtime[Context]) -> Update:
    """Return what the node writes, after as many tries as its policy allows. Raises what its last try raises."""
    wait, again = stage.again.initial_interval, cast("Callable[[Exception], bool]", stage.again.retry_on)
    for _ in range(stage.again.max_attempts - 1):
        try:
            return await stage.run(given, runtime=runtime)
        except Exception as failure:
            if not again(failure):
                raise
        await asyncio.sleep(wait)
        wait *= stage.again.backoff_factor
    return await stage.run(given, runtime=runtime)


def joined(graph: StateGraph[RunState, Context], apart: Collection[str]) -> StateGraph[RunState, Context]:
    """Return a graph that does the same in fewer steps: only the nodes that are apart keep one of their own.

    Nodes and routes must be coroutine functions, and `retry_on` a function. Raises ValueError for another graph.
    """
    stages = {name: _stage(graph, name) for name in graph.nodes}
    [first] = _after(graph, START)
    made: StateGraph[RunState, Context] = StateGraph(RunState, context_schema=Context)
    made.add_edge(START, first)
    for name in dict.fromkeys([first, *(after for one in apart for after in _after(graph, one)), *apart]):
        if name == END:
            continue
        if name in apart:
            spec, told = graph.nodes[name], _told(name, stages[name])
            made.add_node(name, told, input_schema=spec.input_schema, retry_policy=spec.retry_policy)
            for _, after in (edge for edge in graph.edges if edge[0] == name):
                made.add_edge(name, after)
            for branch in graph.branches[name].values():
                made.add_conditional_edges(name, branch.path, branch.ends)
        else:
            walk = Walk(name, stages, apart)
            made.add_node(name, walk.go, destinations=tuple(_ends(graph, name, apart)))
    return made


def stages_of(graph: CompiledStateGraph[RunState, Context, RunState, RunState]) -> Mapping[str, Stage]:
    """Return the nodes of a graph that was joined; what is put in their place there is what it calls."""
    owners = (getattr(getattr(node.bound, "afunc", None), "__self__", None) for node in graph.nodes.values())
    return next(owner.stages for owner in owners if isinstance(owner, Walk))


def _told(name: str, stage: Stage) -> NodeFunction:
    """Return the node, which also tells what it has written."""

    async def run(state: Any, runtime: Runtime[Context]) -> Update:
        update = await stage.run(state, runtime=runtime)
        runtime.context.tell(name, update)
        return update

    return run


def _stage(graph: StateGraph[RunState, Context], name: str) -> Stage:
    spec = graph.nodes[name]
    reads = frozenset(get_type_hints(spec.input_schema))
    policy = spec.retry_policy or ONCE
    if not isinstance(policy, RetryPolicy) or not isfunction(policy.retry_on):
        raise ValueError(f"The node {name!r} must have one retry policy, with a function as its `retry_on`.")
    return Stage(_function(spec.runnable), reads, policy, _onward(graph, name))


def _onward(graph: StateGraph[RunState, Context], name: str) -> Onward:
    branches = list(graph.branches[name].values())
    if branches:
        [branch] = branches
        return _function(branch.path)
    [after] = _after(graph, name)

    async def always(_: Mapping[str, Any]) -> str:
        return after

    return always


def _function(runnable: Any) -> Callable[..., Awaitable[Any]]:
    found = getattr(runnable, "afunc", None)
    if (
        found is None or getattr(runnable, "func", None) is not None
    ):  # a plain one is wrapped to run in a thread
        raise ValueError(f"{runnable!r} is no coroutine function; a node or a route must be one.")
    return cast("Callable[..., Awaitable[Any]]", found)


def _after(graph: StateGraph[RunState, Context], name: str) -> Iterator[str]:
    """Yield the nodes that may come next."""
    yield from (after for before, after in graph.edges if before == name)
    for branch in graph.branches[name].values():
        ends: dict[Hashable, str] = branch.ends or {}
        yield from ends.values()


def _ends(graph: StateGraph[RunState, Context], first: str, apart: Collection[str]) -> set[str]:
    """Return the nodes before which a walk from this one may end."""
    found, seen, open_ = set[str](), set[str](), [first]
    while open_:
        name = open_.pop()
        if name == END or name in apart:
            found.add(name)
        elif name not in seen:
            seen.add(name)
            open_ += _after(graph, name)
    return found
