"""The stub model of the chaos: how many words it says is a part of the message."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import orjson

from bench.chaos.plan import ASK, FAILING, TICKET, Ask
from bench.lines import Body, word
from bench.stub import Stub, serving

PACE: Final = 20.0
"""Words a second and answer."""
NOTE, SEND = "note", "send"
"""The tool that is called without asking anybody, and the one that a person has to allow."""
LENGTH: Final = re.compile(r"Count to (\d+)")


@dataclass(slots=True)
class Counter(Stub):
    """Counts as far as the last message asks."""

    async def talk(
        self, path: str, body: Body, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Write the answer's lines."""
        text = "".join(str(message.get("content")) for message in body.get("messages", ()))
        asked = LENGTH.findall(text)
        one = replace(self, tokens=int(asked[-1]) if asked else 3)
        return await Stub.talk(one, path, body, fault, reader, writer)


def question(ask: Ask, name: str) -> str:
    """Return the message; `name` makes it unlike every other."""
    if ask.kind == TICKET:
        return f"I want to talk to a person about case {name}."
    told, tool = f" [[{ask.kind}]]" if ask.kind in FAILING else "", SEND if ask.kind == ASK else NOTE
    for call in range(ask.calls):
        arguments = orjson.dumps({"case": name, "call": call, "wait": ask.wait}).decode()
        told += f" [[tool:{tool} {arguments}]]"
    return f"Count to {ask.tokens} for {name}.{told}"


def whole(ask: Ask) -> str:
    """Return what the model says to a message that counts."""
    return "".join(map(word, range(ask.tokens)))


@asynccontextmanager
async def counting() -> AsyncGenerator[str]:
    """Serve the model and give its URL."""
    async with serving(Counter(pace=PACE)) as url:
        yield url
