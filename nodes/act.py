"""Makes the first of the tool calls that the model asks for: once, and with a person's yes where one is needed.

One call a step: so each has a checkpoint of its own, and a pause asks for one thing. What goes wrong is told to the
model, which may try something else.
"""

import hashlib
import json
from typing import Any, Final, NotRequired, TypedDict

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from contracts.context import Context
from contracts.state import Call, Decision, Passage
from contracts.tools import Tool
from nodes.arguments import faults_of
from nodes.messages import to_messages

LONGEST: Final = 8_000
"""Characters of a result that the model reads."""


class Asked(TypedDict):
    """The slice that act reads."""

    calls: list[Call]
    rounds: int
    messages: list[dict[str, Any]]
    model: str
    decision: Decision
    standalone: str
    kept: list[Passage]


class Acted(TypedDict):
    """The slice that act writes. A run that goes on from a pause has told its readers nothing yet: it is said again."""

    calls: list[Call]
    messages: list[dict[str, Any]]
    model: NotRequired[str]
    decision: NotRequired[Decision]
    standalone: NotRequired[str]
    passages: NotRequired[list[Passage]]
    kept: NotRequired[list[Passage]]


async def act(state: Asked, runtime: Runtime[Context]) -> Acted:
    """Add the result of the first call to the messages."""
    context, (call, *left) = runtime.context, state["calls"]
    tool = next((one for one in context.agent.tools if one.name == call["name"]), None)
    arguments, refusal, resumed = _allowed(call, tool)
    if tool is None or refusal:
        text = refusal
    else:
        text = await _called(context, tool, call, arguments, state["rounds"] - 1)
    messages = state["messages"]
    read = await context.chat.shorten(
        state["model"], to_messages(messages), text[:LONGEST], context.agent.tools, len(state["calls"])
    )
    if len(read) < len(text):
        read += f"\n(Cut here: these are the first {len(read):,} of {len(text):,} characters.)"
    told = {"role": "tool", "content": read, "tool_call_id": call["id"], "name": call["name"]}
    acted: Acted = {"calls": left, "messages": [*messages, told]}
    if resumed:
        acted["model"], acted["standalone"] = state["model"], state["standalone"]
        acted["decision"] = state["decision"]
        acted["passages"] = acted["kept"] = state["kept"]
    return acted


def _allowed(call: Call, tool: Tool | None) -> tuple[dict[str, Any], str, bool]:
    """Return the arguments to call with, why not to, and whether a person was asked, for which the run pauses."""
    arguments = call["arguments"]
    fault = _fault(tool, call, arguments)
    if tool is None or fault or not call["ask"]:
        return arguments, fault, False
    shown = {"tool": tool.name, "description": tool.description, "arguments": arguments}
    match interrupt({"kind": "tool_call", "payload": shown}):
        case {"action": "approve"}:
            return arguments, "", True
        case {"action": "edit", "arguments": dict(edited)}:
            return edited, _fault(tool, call, edited), True
        case {"action": "expire"}:
            return {}, "Nobody allowed this call in time. It was not made.", True
        case {"comment": str(comment)} if comment.strip():
            said = comment.strip()
            end = "" if said.endswith((".", "!", "?")) else "."
            return {}, f"A person did not allow this call: {said}{end} It was not made.", True
        case _:
            return {}, "A person did not allow this call. It was not made.", True


def _fault(tool: Tool | None, call: Call, arguments: dict[str, Any]) -> str:
    if tool is None:
        return f"There is no tool {call['name']!r}. It was not called."
    faults = faults_of(arguments, tool.parameters)
    return " ".join([*faults, "The tool was not called."]) if faults else ""


async def _called(context: Context, tool: Tool, call: Call, arguments: dict[str, Any], round: int) -> str:
    """Return the tool's answer, or the one that is recorded of this very call.

    A run that was taken over before its model's calls were in a checkpoint asks the model again, which may now call
    something else: that is another effect.
    """
    asked = [tool.name, arguments]

    async def make(key: str) -> dict[str, Any]:
        return {"asked": asked, **await context.tools.call(tool, arguments, key)}

    step = f"act{round}"
    made = await context.journal.once(step, call["number"], "tool", make)
    if made["asked"] != asked:
        mark = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
        made = await context.journal.once(f"{step}.{mark}", call["number"], "tool", make)
    return made["text"]
