"""Declines in one sentence and says what the agent can do instead."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Action, Decision, Usage
from nodes.usage import usage_of


class Stopped(TypedDict, total=False):
    """The slice that refuse reads: a guard's verdict, or a decision."""

    blocked: str
    decision: Decision


class Reply(TypedDict):
    """The slice that refuse writes."""

    decision: Decision
    text: str
    actions: list[Action]
    usage: Usage
    status: str


async def refuse(state: Stopped, runtime: Runtime[Context]) -> Reply:
    """Stream the reason, and offer the questions that this agent is good at."""
    context = runtime.context
    decision = state.get("decision") or _blocked(state.get("blocked", ""))
    instead = "You can ask me about what is in the documents, or ask for a person."
    text = f"I cannot answer that: {decision['reason']}. {instead}"
    await context.emit(text)
    actions: list[Action] = [
        {"label": example, "action": "ask", "target": "conversation", "params": {"content": example}}
        for example in context.agent.examples[:3]
    ]
    return {
        "decision": decision,
        "text": text,
        "actions": actions,
        "usage": usage_of(context, model=""),
        "status": "refused",
    }


def _blocked(reason: str) -> Decision:
    return {"path": "refuse", "confidence": 1.0, "intent": "blocked", "task": "answer", "reason": reason}
