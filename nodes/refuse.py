"""Declines in one sentence and says what the agent can do instead."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Action, Decision, Usage
from nodes.show import show
from nodes.usage import usage_of


class Stopped(TypedDict):
    """The slice that refuse reads."""

    decision: Decision


class Reply(TypedDict):
    """The slice that refuse writes."""

    text: str
    actions: list[Action]
    usage: Usage
    status: str


async def refuse(state: Stopped, runtime: Runtime[Context]) -> Reply:
    """Stream the reason, and offer a person and the questions that this agent is good at."""
    context = runtime.context
    instead = "You can ask me about what is in the documents, or ask for a person."
    text = f"I cannot answer that: {state['decision']['reason']}. {instead}"
    await show(context, text)
    actions: list[Action] = [
        {"label": example, "action": "ask", "target": "conversation", "params": {"content": example}}
        for example in context.agent.examples[:3]
    ]
    person: Action = {"label": "Ask a person", "action": "escalate", "target": context.run_id, "params": {}}
    return {
        "text": text,
        "actions": [*actions, person],
        "usage": usage_of(context, model=""),
        "status": "refused",
    }
