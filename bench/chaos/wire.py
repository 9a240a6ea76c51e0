"""The least of an HTTP client: one request a connection, whose every frame can be the last one."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

import orjson

BROKEN: Final = (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError)
"""What a request ends with when its server does; asyncio's IncompleteReadError is an EOFError."""

SILENCE_S: Final = 20.0
"""A server that sends nothing for so long, not even a heartbeat, is left."""


@dataclass(slots=True)
class Reply:
    """A response whose body has yet to be read."""

    status: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    length: int | None

    def drop(self) -> None:
        """Cut the connection: what was under way is lost."""
        self.writer.transport.abort()

    async def body(self) -> Any:
        """Return the whole body's JSON."""
        try:
            async with asyncio.timeout(SILENCE_S):
                raw = await self.reader.readexactly(self.length or 0)
        finally:
            self.drop()
        return orjson.loads(raw) if raw else None

    async def frames(self) -> AsyncGenerator[bytes]:
        """Yield the chunked body's frames; an IncompleteReadError where it breaks off."""
        rest = b""
        while True:
            async with asyncio.timeout(SILENCE_S):
                size = int(await self.reader.readuntil(b"\r\n"), 16)
                rest += (await self.reader.readexactly(size + 2))[:size]
            *frames, rest = rest.split(b"\n\n")
            for frame in frames:
                yield frame
            if not size:
                return


async def request(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    *,
    after: str = "",
    patience: float = 60.0,
    under: str = "/api/v1",
) -> Reply:
    """Send a request and return the response's head. Raises one of BROKEN."""
    raw = orjson.dumps(body) if body is not None else b""
    lines = [f"{method} {under}{path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(raw)}"]
    lines += ["Content-Type: application/json", "Connection: close"]
    lines += [f"Last-Event-ID: {after}"] if after else []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)
        async with asyncio.timeout(patience):
            head = await reader.readuntil(b"\r\n\r\n")
    except BaseException:
        writer.transport.abort()
        raise
    first, *others = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value for name, _, value in (one.partition(": ") for one in others)}
    length = named.get("content-length")
    return Reply(int(first.split()[1]), reader, writer, int(length) if length else None)


async def gauge(port: int, name: str) -> int:
    """Return a figure of the server's `/metrics`. Raises one of BROKEN."""
    reply = await request(port, "GET", "/metrics", under="")
    try:
        async with asyncio.timeout(SILENCE_S):
            text = (await reply.reader.readexactly(reply.length or 0)).decode()
    finally:
        reply.drop()
    return next(int(float(line.split()[-1])) for line in text.splitlines() if line.startswith(f"{name} "))


async def call(
    port: int, method: str, path: str, body: Any = None, patience: float = 60.0
) -> tuple[int, Any]:
    """Send a request and return status and JSON. Raises one of BROKEN."""
    reply = await request(port, method, path, body, patience=patience)
    return reply.status, await reply.body()
