"""Puts the question into the line: the answer arrives later in the same conversation."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Decision, Queued, Usage
from nodes.show import show
from nodes.usage import usage_of


class Waiting(TypedDict):
    """The slice that queue reads."""

    decision: Decision


class Reply(TypedDict):
    """The slice that queue writes."""

    text: str
    queued: Queued
    usage: Usage
    status: str


async def queue(state: Waiting, runtime: Runtime[Context]) -> Reply:
    """Take a place in the line and say which one, and for how long."""
    context = runtime.context
    place = await context.desk.line_up()
    wait = max(1, round(place["expected_wait_s"]))
    text = (
        f"Your question is number {place['position']} in the line: {state['decision']['reason']}. "
        f"I expect to answer in about {wait} s; the answer will appear here."
    )
    await show(context, text)
    return {"text": text, "queued": place, "usage": usage_of(context, model=""), "status": "queued"}
