"""The answer's text, read from the whole body of a stream: one function for each kind of frame."""

import json
from collections.abc import Iterator
from typing import Any


def frames(body: bytes) -> Iterator[tuple[str, Any]]:
    """Yield each frame's event and its data; data that is no JSON is given as it is."""
    for frame in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        name, data = "", list[str]()
        for line in frame.decode().split("\n"):
            field, _, value = line.partition(":")
            if field == "event":
                name = value.strip()
            elif field == "data":
                data.append(value.removeprefix(" "))
        if data:
            raw = "\n".join(data)
            yield name, json.loads(raw) if raw[:1] in ("{", "[") and raw != "[DONE]" else raw


def of_runs(body: bytes) -> str:
    """Return what our `token` events said, or nothing where `done` tells another text."""
    said, done = list[str](), ""
    for name, data in frames(body):
        if name == "token":
            said.append(data["text"])
        elif name == "done":
            done = data["text"]
    return done if done == "".join(said) else ""


def of_messages(body: bytes) -> str:
    """Return what the message chunks of LangGraph's protocol said."""
    return "".join(
        data[0]["content"]
        for name, data in frames(body)
        if name.startswith("messages") and isinstance(data, list) and data[0].get("type") == "AIMessageChunk"
    )


def of_completions(body: bytes) -> str:
    """Return what the deltas of OpenAI's protocol said."""
    choices = (choice for _, data in frames(body) if isinstance(data, dict) for choice in data["choices"])
    return "".join(choice["delta"].get("content") or "" for choice in choices)
