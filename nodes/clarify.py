"""Asks one question back, with the options found."""

from typing import TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Action, Usage
from nodes.show import show
from nodes.usage import usage_of


class Unclear(TypedDict):
    """The slice that clarify reads."""

    question: str
    options: list[str]


class Reply(TypedDict):
    """The slice that clarify writes."""

    text: str
    actions: list[Action]
    usage: Usage
    status: str


async def clarify(state: Unclear, runtime: Runtime[Context]) -> Reply:
    """Stream one question back and offer its options as buttons."""
    options = state["options"]
    text = (
        "Which of these do you mean?\n\n" + "\n".join(f"- {option}" for option in options)
        if options
        else "I am not sure what this is about. Could you name the thing that you are asking about?"
    )
    await show(runtime.context, text)
    question = state["question"].strip().rstrip("?!. ")
    actions: list[Action] = [
        {
            "label": option,
            "action": "ask",
            "target": "conversation",
            "params": {"content": f"{question}: {option}"},
        }
        for option in options
    ]
    return {
        "text": text,
        "actions": actions,
        "usage": usage_of(runtime.context, model=""),
        "status": "completed",
    }
