"""`switchboard ask`: a question in the terminal, over the same HTTP and the same stream as every client.

Beside a running server it needs an HTTP client alone, so nothing else is imported before it is known to be needed.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from contracts.errors import BadRequest, SwitchboardError
from contracts.identity import LOCAL

if TYPE_CHECKING:
    from server.jobs import IndexerFor
    from server.question import Said


LONGEST: Final = 500_000
"""Bytes of a question. A server hangs up on a body over its limit, and its answer is lost; up to here it refuses."""


def main(arguments: list[str], indexer_for: "IndexerFor") -> int:
    """Ask, print the answer as it streams, and return the exit code: 1 where there is no whole answer."""
    options = parse(arguments)
    try:
        return asyncio.run(_main(options, indexer_for))
    except SwitchboardError as error:
        print(error.message, file=sys.stderr)
        if options.json:
            print(json.dumps(Answer().body() | {"error": error.body()}))
        return 2 if isinstance(error, BadRequest) else 1


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the command's arguments; ends the program on bad usage."""
    parser = argparse.ArgumentParser(prog="switchboard ask", description="Ask a question in the terminal.")
    parser.add_argument("question", type=text, help="in quotes, as one argument")
    parser.add_argument("--agent", default="default", help="who answers (default: %(default)s)")
    parser.add_argument(
        "--tenant", default=LOCAL.tenant, help="whose documents answer (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    return parser.parse_args(arguments)


def text(argument: str) -> str:
    """Return the argument where it is text; raises ArgumentTypeError."""
    if not argument.strip():
        raise argparse.ArgumentTypeError("it is empty; ask something")
    try:
        size = len(argument.encode())
    except UnicodeEncodeError:  # bytes that are no UTF-8 arrive as lone surrogates
        raise argparse.ArgumentTypeError("it is not UTF-8 text; look at the terminal's encoding") from None
    if size > LONGEST:
        raise argparse.ArgumentTypeError(
            f"it has {size:,} bytes, more than {LONGEST:,}; ingest it and ask about it"
        )
    return argument


async def _main(options: argparse.Namespace, indexer_for: "IndexerFor") -> int:
    from ports.settings import Settings
    from server.question import ask, reach

    async with reach(Settings(), options.tenant, indexer_for) as client:
        events = ask(client, options.question, options.agent)
        return await (_print_json(events) if options.json else _print(events))


class Answer:
    """What the events said so far."""

    def __init__(self) -> None:
        names = ("run", "decision", "context", "queue", "interrupt", "usage", "error")
        self.said: dict[str, Any] = dict.fromkeys(names)
        self.sources: list[dict[str, Any]] = []
        self.citations: list[dict[str, Any]] = []
        self.text = ""
        self.status: str | None = None

    def take(self, name: str, data: dict[str, Any]) -> None:
        """Note one event."""
        match name:
            case "run" | "restart":  # a question from the line is answered by a run of its own
                self.citations, self.text, self.status = [], "", None
                if name == "run":
                    self.said[name] = data
            case "citation":
                self.citations.append(data)
            case "sources":
                self.sources = data["passages"]
            case "token":
                self.text += data["text"]
            case "done":
                self.status, self.text = data["status"], data["text"]
            case _ if name in self.said:
                self.said[name] = data
            case _:
                pass

    def body(self) -> dict[str, Any]:
        """Return the JSON object that `--json` ends with."""
        return self.said | {
            "status": self.status, "text": self.text, "sources": self.sources, "citations": self.citations,
        }  # fmt: skip

    @property
    def code(self) -> int:
        """Return the exit code: an answer that broke off or was stopped is none."""
        return 1 if self.said["error"] or self.status in (None, "cancelled") else 0


async def _print_json(events: "AsyncIterator[Said]") -> int:
    """Print one JSON object with everything that the stream said."""
    answer = Answer()
    async for name, data in events:
        answer.take(name, data)
    print(json.dumps(answer.body()))
    return answer.code


async def _print(events: "AsyncIterator[Said]") -> int:
    """Print the answer as it comes, then where it comes from."""
    answer = Answer()
    async for name, data in events:
        if name == "done" or (name in ("restart", "error") and answer.text):
            print(flush=True)
        match name:
            case "decision":
                note(f"{data['path']} · {data['confidence']:.0%} · {data['reason']}")
            case "restart":
                note(data["reason"])
            case "token":
                print(printable(data["text"]), end="", flush=True)
            case _:
                pass
        answer.take(name, data)
    if answer.said["error"]:
        note(answer.said["error"]["message"], "red")
    elif answer.status == "cancelled":
        note("The answer was stopped before its end.", "red")
    if answer.said["interrupt"]:
        note(waiting(answer.said["interrupt"]))
    for number, place in enumerate(places(answer), 1):
        note(f"[{number}] {place}")
    return answer.code


def waiting(asked: dict[str, Any]) -> str:
    """Return what a run waits for, which one goes on, and how it is answered."""
    what, edit = "The answer waits until a person approves it.", '"text": "..."'
    if asked["kind"] == "tool_call":
        call = asked["payload"]
        given = json.dumps(call["arguments"], ensure_ascii=False)
        what = f"A person must allow the call of {call['tool']} with {given}."
        edit = '"arguments": {...}'
    path = f"/api/v1/messaging/runs/{asked['run_id']}"
    return (
        f"{what} Run {asked['run_id']} then goes on: POST {path}/resume with "
        f'{{"action": "approve"}}, {{"action": "reject"}} or {{"action": "edit", {edit}}}, and read GET {path}/stream.'
    )


def places(answer: Answer) -> list[str]:
    """Return where the cited passages stand, each once, in the order of the sentences."""
    passages = {passage["id"]: passage for passage in answer.sources}
    cited = dict.fromkeys(id for citation in answer.citations for id in citation["passages"][:1])
    found = [passages[id] for id in cited if id in passages]
    return [f"{one['source']}, page {one['page']}" if one["page"] else one["source"] for one in found]


def note(sentence: str, style: str = "dim") -> None:
    """Print what is not the answer to stderr. Brackets in it are text: a source may be called `[draft].md`."""
    from rich.console import Console

    Console(stderr=True, highlight=False, soft_wrap=True).print(
        printable(sentence), style=style, markup=False
    )


def printable(text: str) -> str:
    """Return the text without control characters: a document must not steer the terminal of who reads it."""
    return "".join(c for c in text if c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160))
