"""The prompt as the state keeps it, and as the models take it."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from contracts.state import Call


def to_messages(messages: Sequence[dict[str, Any]]) -> list[BaseMessage]:
    """Return LangChain messages, in order."""
    return [_to_message(message) for message in messages]


def _to_message(message: dict[str, Any]) -> BaseMessage:
    content = message["content"]
    match message["role"]:
        case "system":
            return SystemMessage(content)
        case "assistant":
            return AIMessage(content, tool_calls=message.get("tool_calls", []))
        case "tool":
            return ToolMessage(content, tool_call_id=message["tool_call_id"], name=message["name"])
        case _:
            return HumanMessage(content)


def to_asking(text: str, calls: Sequence[Call]) -> dict[str, Any]:
    """Return the message in which the model asks for these calls."""
    asked = [{"name": call["name"], "args": call["arguments"], "id": call["id"]} for call in calls]
    return {"role": "assistant", "content": text, "tool_calls": asked}
