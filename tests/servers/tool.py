"""A tool over real HTTP: it notes each call, and answers as a test tells it to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import orjson


@dataclass
class ToolServer:
    """What was called, and what is answered."""

    url: str = ""
    status: int = 200
    body: bytes = b'{"stock": 7}'
    headers: dict[str, str] = field(default_factory=dict[str, str])
    silent: bool = False
    """It takes the request and never answers."""
    endless: bool = False
    """Behind the body it says nothing more, and does not close."""
    arguments: list[Any] = field(default_factory=list[Any])
    """The body of each call."""
    heads: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    open: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    """The task of each call, until all is over."""

    @property
    def keys(self) -> list[str]:
        return [head["idempotency-key"] for head in self.heads]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(cast("asyncio.Task[None]", asyncio.current_task()))
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        assert first.startswith("POST ")
        head = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.arguments.append(orjson.loads(await reader.readexactly(int(head["content-length"]))))
        self.heads.append(head)
        if self.silent:
            await reader.read()
        else:
            said = {"Content-Length": str(len(self.body)), "Connection": "close", **self.headers}
            lines = [f"HTTP/1.1 {self.status} -", *(f"{name}: {value}" for name, value in said.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode() + self.body)
            if self.endless:
                await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def serving_tool() -> AsyncIterator[ToolServer]:
    """Serve a tool on a free port of 127.0.0.1."""
    tool = ToolServer()
    server = await asyncio.start_server(tool, "127.0.0.1", 0)
    tool.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/stock"
    try:
        yield tool
    finally:
        server.close()
        if tool.open:
            await asyncio.wait(tool.open, timeout=5)
