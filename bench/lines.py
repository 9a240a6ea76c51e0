"""What the stub model server says on the wire: pure functions from a request to bytes."""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

WORDS: Final = (
    "The",
    "stub",
    "counts",
    "words",
    "so",
    "that",
    "nobody",
    "waits",
    "for",
    "a",
    "model",
    "to",
    "think.",
)
FAULTS: Final = (
    "slow", "cut", "line", "end", "error", "refuse", "hang", "stall", "length", "missing", "context",
)  # fmt: skip
MODELS: Final = ("stub:latest", "stub-embed:latest", *(f"stub:{fault}" for fault in FAULTS))
STAMP: Final = "2026-01-01T00:00:00Z"
REFUSED: Final = {
    "refuse": (500, "the stub was told to fail"),
    "missing": (404, "model 'stub:missing' not found"),
    "context": (400, "the prompt has 9000 tokens and exceeds the context of 4096"),
}
TEMPLATES: Final = {
    True: "{{ .System }}{{ .Prompt }}{{ .Response }}",
    False: "{{ range .Messages }}<{{ .Role }}>{{ .Content }}<end>{{ end }}<assistant>",
}
"""A template of a model that goes on from its own last message, and of one that does not."""
DIRECTIVE: Final = re.compile(r"\[\[(\w+)\]\]")
CALL: Final = re.compile(r"\[\[(tool|loop):([\w-]+) (\{.*?\})\]\]")
Body = Mapping[str, Any]


def fault_of(body: Body) -> str:
    """Return the fault that the model's name or a message asks for; empty for none."""
    _, _, tag = str(body.get("model")).partition(":")
    if tag in FAULTS:
        return tag
    text = str(body.get("prompt", "")) + "".join(str(m.get("content")) for m in body.get("messages", ()))
    return next((found for found in DIRECTIVE.findall(text) if found in FAULTS), "")


def word(n: int) -> str:
    """Return the n-th token's text."""
    return (" " if n else "") + WORDS[n % len(WORDS)]


def calls_of(body: Body) -> list[Body]:
    """Return the tool calls that the last question asks for; none once a result is there, or without tools."""
    messages = body.get("messages") or ()
    asked = [n for n, message in enumerate(messages) if message.get("role") == "user"]
    if not asked or not body.get("tools"):
        return []
    found = CALL.findall(str(messages[asked[-1]].get("content")))
    answered = any(message.get("role") == "tool" for message in messages[asked[-1] :])
    return [
        {"function": {"name": name, "arguments": json.loads(arguments)}}
        for kind, name, arguments in found
        if kind == "loop" or not answered
    ]


def begun(body: Body) -> int:
    """Return how many words of the answer a last message of the assistant's holds already."""
    said = (body.get("messages") or ({},))[-1]
    return len(str(said.get("content")).split()) if said.get("role") == "assistant" else 0


@functools.lru_cache(64)
def lines_for(
    path: str, model: str, count: int, reason: str, first: int = 0, calls: str = "[]"
) -> list[bytes]:
    """Return the lines of an answer of `count` tokens, beginning with word `first`, and its last line.

    `calls` is the JSON of the tool calls that come behind its words.
    """
    chat, head = path == "/api/chat", {"model": model, "created_at": STAMP}
    said = (
        {"message": {"role": "assistant", "content": word(n)}} if chat else {"response": word(n)}
        for n in range(first, first + count)
    )
    end = {"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}
    counts = {"total_duration": 1, "prompt_eval_count": 10, "eval_count": count, "eval_duration": 1}
    parts: list[Body] = [{**head, **part, "done": False} for part in said]
    if asked := json.loads(calls):
        said_then = {"role": "assistant", "content": "", "tool_calls": asked}
        parts.append({**head, "message": said_then, "done": False})
    parts.append({**head, **end, "done": True, "done_reason": reason, **counts})
    return [json.dumps(part, separators=(",", ":")).encode() + b"\n" for part in parts]


def plain(path: str, body: Body, models: Sequence[str], width: int, template: str = "") -> bytes:
    """Return the response to everything but an answer."""
    model = str(body.get("model"))
    match path:
        case "/api/tags":
            return whole({"models": [{"name": name, "model": name, "size": 0} for name in models]})
        case "/api/ps":
            return whole({"models": []})
        case "/api/version":
            return whole({"version": "0.0.0-stub"})
        case "/api/show":
            abilities = ["completion", "tools"]
            return whole(
                {
                    "details": {"family": "stub"},
                    "model_info": {},
                    "capabilities": abilities,
                    "template": template,
                }
            )
        case "/api/embed":
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            return whole({"model": model, "embeddings": [vector(text, width) for text in texts]})
        case _:
            return whole({"error": f"the stub does not know {path}"}, 404)


def vector(text: str, width: int) -> list[float]:
    """Return a unit vector that only the text's length decides."""
    return [1.0 if n == len(text) % width else 0.0 for n in range(width)]


def whole(body: Body, status: int = 200) -> bytes:
    """Return a complete JSON response."""
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def chunk(data: bytes) -> bytes:
    """Return the data as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
