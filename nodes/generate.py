"""Streams the answer. Its text leaves here out of band of the graph, straight to the run's log."""

import time
from typing import Any, NotRequired, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.errors import ModelUnavailable
from contracts.state import Draft, Passage, Usage
from nodes.seam import Anew, seam_for
from nodes.usage import usage_of

KINDS: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


class Prompt(TypedDict):
    """The slice that generate reads."""

    model: str
    messages: list[dict[str, Any]]
    kept: list[Passage]
    standalone: str
    approval: NotRequired[bool]


class Answer(TypedDict):
    """The slice that generate writes: a text that was sent, or a draft that was not."""

    text: NotRequired[str]
    draft: NotRequired[Draft]
    usage: Usage
    status: NotRequired[str]


async def generate(state: Prompt, runtime: Runtime[Context]) -> Answer:
    """Stream the model's answer to the emitter and return the whole of it, with what clients had before.

    What a person looks at first is only collected. Raises ModelUnavailable where the model breaks off or says nothing.
    """
    context, model, messages = runtime.context, state["model"], to_messages(state)
    silent = state.get("approval", False)
    seam = Anew() if silent else await seam_for(context, model, "", messages)
    pieces: list[str] = []
    first: float | None = None
    prompt_tokens = completion_tokens = 0

    async def send(text: str) -> None:
        if text:
            pieces.append(text)
            if not silent:
                await context.emit(text)

    async for chunk in context.chat.stream(model, messages):
        if chunk.usage_metadata:
            prompt_tokens += chunk.usage_metadata["input_tokens"]
            completion_tokens += chunk.usage_metadata["output_tokens"]
        if chunk.text:
            first = first or time.perf_counter()
            await send(seam.take(chunk.text))
    await send(seam.rest())
    text = seam.said + "".join(pieces)
    if not text.strip():
        raise ModelUnavailable(
            f"The model {model!r} answered with nothing. Ask again, or choose another model."
        )
    usage = usage_of(
        context, model=model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, first=first
    )
    if silent:
        return {"draft": {"text": text, "citations": []}, "usage": usage}
    context.progress.shown = text
    return {"text": text, "usage": usage, "status": "completed"}


def to_messages(state: Prompt) -> list[BaseMessage]:
    """Return LangChain messages. The last one carries question and passages apart, for models that read them so."""
    messages = [KINDS[message["role"]](message["content"]) for message in state["messages"]]
    messages[-1].additional_kwargs = {"question": state.get("standalone", ""), "passages": state["kept"]}
    return messages
