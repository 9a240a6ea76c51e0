"""The tool that the chaos's agent calls: it notes every call by its Idempotency-Key and gives a key one answer."""

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bench.lines import whole

HEADER: Final = re.compile(rb"(?i)(content-length|idempotency-key): *(\S+)")
SCHEMA: Final = {
    "type": "object",
    "properties": {
        "case": {"type": "string"},
        "call": {"type": "integer"},
        "wait": {"type": "number"},
        "edited": {"type": "boolean"},
    },
}


@dataclass(slots=True)
class Receiver:
    """What was called. A call happens when it arrives, whether or not its answer is waited for."""

    url: str = ""
    calls: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """The arguments of each key's first call."""
    times: Counter[str] = field(default_factory=Counter[str])
    """How often each key came."""
    changed: set[str] = field(default_factory=set[str])
    """Keys that came again with other arguments."""
    open: dict[asyncio.StreamWriter, Any] = field(default_factory=dict[asyncio.StreamWriter, Any])
    """The task that serves each connection."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side leaves it."""
        self.open[writer] = asyncio.current_task()
        with contextlib.suppress(OSError, EOFError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                named = {name.lower(): value for name, value in HEADER.findall(head)}
                arguments = orjson.loads(await reader.readexactly(int(named[b"content-length"])))
                key = named[b"idempotency-key"].decode()
                self.note(key, arguments)
                await asyncio.sleep(arguments.get("wait", 0))
                writer.write(whole(json.loads(self.answer(key))))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        del self.open[writer]

    def note(self, key: str, arguments: dict[str, Any]) -> None:
        """Note a call."""
        self.times[key] += 1
        if self.calls.setdefault(key, arguments) != arguments:
            self.changed.add(key)

    def answer(self, key: str) -> str:
        """Return what the key's calls are answered with: the same whenever it comes."""
        made = self.calls[key]
        number = list(self.calls).index(key)
        return json.dumps({"number": number, "case": made.get("case"), "call": made.get("call")})

    def of(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the keys and arguments of a message's calls."""
        return {key: made for key, made in self.calls.items() if made.get("case") == name}

    def tool(self, name: str, *, approve: bool) -> dict[str, Any]:
        """Return the tool as an agent's configuration has it."""
        about = "Note a case." if not approve else "Send a case."
        return {
            "name": name, "description": about, "url": self.url, "parameters": SCHEMA, "approve": approve,
        }  # fmt: skip


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """Serve a receiver until the block ends."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield receiver
    finally:
        server.close()
        tasks = list(receiver.open.values())
        for writer in receiver.open:
            writer.close()
        if tasks:  # each ends by itself: Python 3.11 reports a cancelled connection as a failure
            await asyncio.wait(tasks)
