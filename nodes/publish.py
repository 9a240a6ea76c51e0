"""Sends the answer that a person has approved or edited, or says that there is none."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Action, Citation, Decision, Draft, Passage, Review, Usage
from nodes.show import show
from nodes.usage import usage_of
from nodes.verify import citations_for

WORDS = 8
"""Words of a piece of the text."""


class Reviewed(TypedDict):
    """The slice that publish reads."""

    standalone: str
    decision: Decision
    draft: Draft
    review: Review
    kept: list[Passage]


class Answer(TypedDict):
    """The slice that publish writes."""

    text: str
    citations: list[Citation]
    actions: list[Action]
    usage: Usage
    status: str


async def publish(state: Reviewed, runtime: Runtime[Context]) -> Answer:
    """Stream the text as it stands now, with its citations; an edited one is verified anew."""
    context, review = runtime.context, state["review"]
    text, citations = state["draft"]["text"], state["draft"]["citations"]
    actions: list[Action] = []
    match review["action"]:
        case "approve":
            pass
        case "edit":
            text = review["text"]
            citations = await citations_for(
                text, state["standalone"], state["kept"], state["decision"], context.reader
            )
        case "reject" | "expire":
            text, citations = f"I cannot send you an answer: {state['decision']['reason']}.", []
            actions = [
                {"label": "Ask a person", "action": "escalate", "target": context.run_id, "params": {}}
            ]
    await show(context, text, WORDS)
    return {
        "text": text,
        "citations": citations,
        "actions": actions,
        "usage": usage_of(context, model=""),  # what the model took, the run took that asked it
        "status": "refused" if actions else "completed",
    }
