"""Brings a person in: an offer where the agent is unsure, a ticket where the asker wants one."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Action, Decision, Turn, Usage
from nodes.show import show
from nodes.usage import usage_of


class Unsure(TypedDict):
    """The slice that escalate reads."""

    question: str
    turns: list[Turn]
    intent: str
    decision: Decision


class Reply(TypedDict):
    """The slice that escalate writes."""

    text: str
    actions: list[Action]
    usage: Usage
    status: str


async def escalate(state: Unsure, runtime: Runtime[Context]) -> Reply:
    """Open a ticket for who asked for a person; offer one to who did not."""
    context = runtime.context
    text, actions = await (_ticket if state["intent"] == "person" else _offer)(state, context)
    await show(context, text)
    return {"text": text, "actions": actions, "usage": usage_of(context, model=""), "status": "escalated"}


async def _ticket(state: Unsure, context: Context) -> tuple[str, list[Action]]:
    """Open a ticket for the last question that was asked; raises RateLimited over the agent's limit."""
    asked = [turn["content"] for turn in state["turns"] if turn["role"] == "user"]
    said = state["question"]
    question, reason = (asked[-1], f'{state["decision"]["reason"]}: "{said}"') if asked else (said, "")
    reason = reason or state["decision"]["reason"]
    ticket = await context.journal.once(
        "escalate", 0, "ticket", lambda _: context.desk.ticket(question, reason)
    )
    text = (
        f"I have passed this on to a person (ticket {ticket}). The answer will appear in this conversation."
    )
    return text, []


async def _offer(state: Unsure, context: Context) -> tuple[str, list[Action]]:
    await context.desk.offer(state["question"], state["decision"]["reason"])
    text = (
        "I could not find a reliable answer to that in the documents, so I would rather not guess. "
        "Shall I pass your question on to a person?"
    )
    return text, [{"label": "Ask a person", "action": "escalate", "target": context.run_id, "params": {}}]
