"""The one graph: which nodes there are, how they follow each other, and when a node is tried again.

 guard -> recall -> understand -> retrieve -> decide -> select_model -> generate -> verify -> record
  |         |           `---------------------> |                          | ^         |
refuse   canonical               clarify · escalate · queue · refuse       act      approve -> publish

All ways end at record. `act` makes one tool call at a time; it and `approve` pause the run until a person has answered.
`build_graph` joins the nodes between those that are APART into steps (graph/steps.py).
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import RetryPolicy

from contracts.context import Context
from contracts.state import RunState
from graph import routes
from graph.failures import is_passing
from graph.steps import joined
from nodes.act import act
from nodes.approve import approve
from nodes.canonical import canonical
from nodes.clarify import clarify
from nodes.decide import decide
from nodes.escalate import escalate
from nodes.generate import generate
from nodes.guard import guard
from nodes.publish import publish
from nodes.queue import queue
from nodes.recall import recall
from nodes.record import record
from nodes.refuse import refuse
from nodes.retrieve import retrieve
from nodes.select_model import select_model
from nodes.understand import understand
from nodes.verify import verify

AGAIN = RetryPolicy(initial_interval=0.1, max_attempts=3, retry_on=is_passing)
"""For nodes that only read; `generate` is never run twice, its text is already with the client."""

APART = ("generate", "act", "approve")
"""The nodes before which a checkpoint is kept: each is a step of its own."""

Graph = CompiledStateGraph[RunState, Context, RunState, RunState]

__all__ = ["APART", "Graph", "build_graph", "plan"]


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """Compile the graph; it holds no client and serves every run."""
    return joined(plan(), APART).compile(checkpointer=checkpointer)


def plan() -> StateGraph[RunState, Context]:
    """Return the graph as it is meant: each node by itself."""
    graph = StateGraph(RunState, context_schema=Context)
    graph.add_node("guard", guard, retry_policy=AGAIN)
    graph.add_node("recall", recall, retry_policy=AGAIN)
    graph.add_node("understand", understand, retry_policy=AGAIN)
    graph.add_node("retrieve", retrieve, retry_policy=AGAIN)
    graph.add_node("decide", decide, retry_policy=AGAIN)
    graph.add_node("select_model", select_model, retry_policy=AGAIN)
    graph.add_node("verify", verify, retry_policy=AGAIN)
    graph.add_node("act", act)
    graph.add_node("approve", approve)
    graph.add_node("publish", publish)
    graph.add_node("canonical", canonical)
    graph.add_node("clarify", clarify)
    graph.add_node("escalate", escalate)
    graph.add_node("queue", queue)
    graph.add_node("refuse", refuse)
    graph.add_node("generate", generate)
    graph.add_node("record", record)
    graph.add_edge(START, "guard")
    graph.add_conditional_edges("guard", routes.after_guard)
    graph.add_conditional_edges("recall", routes.after_recall)
    graph.add_conditional_edges("understand", routes.after_understand)
    graph.add_edge("retrieve", "decide")
    graph.add_conditional_edges("decide", routes.after_decide)
    graph.add_edge("select_model", "generate")
    graph.add_conditional_edges("generate", routes.after_generate)
    graph.add_conditional_edges("act", routes.after_act)
    graph.add_conditional_edges("verify", routes.after_verify)
    graph.add_edge("approve", "publish")
    for last in ("publish", "canonical", "clarify", "escalate", "queue", "refuse"):
        graph.add_edge(last, "record")
    graph.add_edge("record", END)
    return graph
