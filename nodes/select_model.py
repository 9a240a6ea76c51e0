"""Chooses the model for the task and fits the prompt into its context, before a token is asked for."""

from typing import Any, NotRequired, TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Decision, Fit, Passage, Turn
from nodes.prompt import system_text, user_text


class Chosen(TypedDict):
    """The slice that select_model reads."""

    question: str
    standalone: str
    turns: list[Turn]
    passages: NotRequired[list[Passage]]
    decision: Decision


class Prompt(TypedDict):
    """The slice that select_model writes."""

    model: str
    messages: list[dict[str, Any]]
    kept: list[Passage]
    fit: Fit


async def select_model(state: Chosen, runtime: Runtime[Context]) -> Prompt:
    """Return the model, the prompt as it will be sent, and what had to be left out of it."""
    context, task = runtime.context, state["decision"]["task"]
    model = context.chat.select(task)
    tools = context.agent.tools if task != "smalltalk" and context.agent.tools else ()
    tools = tools if tools and await context.chat.calls(model) else ()
    system = system_text(context.agent, context.who, task, tools=bool(tools))
    evidence = [] if task == "smalltalk" else state.get("passages", [])
    question = state["question"] if task == "smalltalk" else state["standalone"]
    turns, kept, fit = await context.chat.fit(model, system, state["turns"], evidence, question, tools)
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": system},
        *({"role": turn["role"], "content": turn["content"]} for turn in turns),
        {"role": "user", "content": user_text(question, kept)},
    ]
    return {"model": model, "messages": messages, "kept": kept, "fit": fit}
