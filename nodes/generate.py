"""Streams the answer. Its text leaves here out of band of the graph, straight to the run's log."""

import time
from collections.abc import Sequence
from typing import Any, Final, NotRequired, TypedDict

from langchain_core.messages import BaseMessage, ToolCall
from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.errors import ModelUnavailable
from contracts.state import Call, Decision, Draft, Passage, Usage
from contracts.tools import Tool
from nodes.messages import to_asking, to_messages
from nodes.seam import Anew, Seam, lead_of, seam_for
from nodes.usage import usage_of

ROUNDS: Final = 5
"""How often the model may call tools before it has to answer."""
AT_ONCE: Final = 10
"""Calls of one round that are made; what the model asks for beyond is not."""


class Prompt(TypedDict):
    """The slice that generate reads."""

    model: str
    messages: list[dict[str, Any]]
    kept: list[Passage]
    standalone: str
    decision: Decision
    approval: NotRequired[bool]
    rounds: NotRequired[int]
    text: NotRequired[str]
    draft: NotRequired[Draft]


class Answer(TypedDict):
    """The slice that generate writes: a text that was sent, or a draft that was not, and the calls it needs first."""

    text: NotRequired[str]
    draft: NotRequired[Draft]
    calls: list[Call]
    rounds: int
    messages: NotRequired[list[dict[str, Any]]]
    usage: Usage
    status: NotRequired[str]


async def generate(state: Prompt, runtime: Runtime[Context]) -> Answer:
    """Stream the model's answer to the emitter and return the whole of it, with what clients had before.

    What a person looks at first is only collected. Raises ModelUnavailable where the model breaks off or says nothing.
    """
    context, model, silent = runtime.context, state["model"], state.get("approval", False)
    before = _before(state)
    messages = _prompt(state)
    seam = Anew(before, lead_of(before)) if silent else await seam_for(context, model, before, messages)
    tools = await _tools(state, context)
    text, asked = await _stream(context, model, messages, tools, seam, silent)
    calls = to_calls(asked, tools, state.get("rounds", 0))
    if not calls and not text[len(before) :].strip():
        raise ModelUnavailable(
            f"The model {model!r} answered with nothing. Ask again, or choose another model."
        )
    rounds = state.get("rounds", 0) + bool(calls)
    answer: Answer = {"calls": calls, "rounds": rounds, "usage": _usage(context, model)}
    if silent:
        answer["draft"] = {"text": text, "citations": []}
    else:
        answer["text"] = context.progress.shown = text
        answer["status"] = "completed"
    if calls:
        answer["messages"] = [*state["messages"], to_asking(text[len(before) :].strip(), calls)]
    return answer


def _before(state: Prompt) -> str:
    """Return what was written before the last tool call."""
    draft = state.get("draft")
    return draft["text"] if draft else state.get("text", "")


def _prompt(state: Prompt) -> list[BaseMessage]:
    """Return the messages. The last one carries question and passages apart, for models that read them so."""
    messages = to_messages(state["messages"])
    messages[-1].additional_kwargs = {"question": state.get("standalone", ""), "passages": state["kept"]}
    return messages


async def _tools(state: Prompt, context: Context) -> Sequence[Tool]:
    """Return the tools that the model may call now."""
    tools = context.agent.tools
    if not tools or state["decision"]["task"] == "smalltalk" or state.get("rounds", 0) >= ROUNDS:
        return ()
    return tools if await context.chat.calls(state["model"]) else ()


async def _stream(
    context: Context, model: str, messages: list[BaseMessage], tools: Sequence[Tool], seam: Seam, silent: bool
) -> tuple[str, list[ToolCall]]:
    """Return the whole text, sent as it came unless `silent`, and the tool calls that the model asks for."""
    pieces: list[str] = []
    asked: list[ToolCall] = []
    progress, emit = context.progress, _nobody if silent else context.emit
    async for chunk in context.chat.stream(model, messages, tools):
        if chunk.usage_metadata:
            progress.prompt_tokens += chunk.usage_metadata["input_tokens"]
            progress.completion_tokens += chunk.usage_metadata["output_tokens"]
        if tools:
            asked += chunk.tool_calls
        if said := chunk.content if isinstance(chunk.content, str) else chunk.text:
            progress.first = progress.first or time.perf_counter()
            if text := seam.take(said):
                pieces.append(text)
                await emit(text)
    if rest := seam.rest():
        pieces.append(rest)
        await emit(rest)
    return seam.said + "".join(pieces), asked


async def _nobody(text: str) -> None:
    """Send nothing: a person looks at it first."""


def to_calls(asked: Sequence[ToolCall], tools: Sequence[Tool], round: int) -> list[Call]:
    """Return the calls, numbered, each with whether a person is asked: as it is now, whatever the agent is later."""
    asking = {tool.name: tool.approve for tool in tools}
    return [
        {
            "id": f"call_{round}_{n}",
            "name": call["name"],
            "arguments": call["args"],
            "number": n,
            "ask": asking.get(call["name"], False),
        }
        for n, call in enumerate(asked[:AT_ONCE])
    ]


def _usage(context: Context, model: str) -> Usage:
    """Return what all rounds of this attempt took."""
    progress = context.progress
    return usage_of(
        context,
        model=model,
        prompt_tokens=progress.prompt_tokens,
        completion_tokens=progress.completion_tokens,
        first=progress.first,
    )
