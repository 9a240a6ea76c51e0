"""A client of any server's stream that costs next to nothing: what comes is kept as it is and read afterwards."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

CHUNK: Final = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    path: str
    body: bytes
    headers: Mapping[str, str]

    def raw(self, port: int) -> bytes:
        """Return the request's bytes; the connection is for it alone."""
        own = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(self.body)), "Connection": "close"}
        lines = {"Content-Type": "application/json", "Accept": "text/event-stream", **own, **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + self.body


class Tap(asyncio.Protocol):
    """One request and all that came back."""

    def __init__(self, request: bytes, mark: re.Pattern[bytes]) -> None:
        self._request = request
        self._mark = mark
        self.began = self.first = 0.0
        """Seconds: when the request left, and when the first token had come; 0.0 for none."""
        self.raw = bytearray()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self.began = time.perf_counter()
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep what came."""
        self.raw += data
        if not self.first and self._mark.search(self.raw):
            self.first = time.perf_counter()
        if data.endswith(b"0\r\n\r\n"):
            self.ended.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that no more will come."""
        self.ended.set()

    def status(self) -> int:
        """Return the response's status; 0 where none came."""
        head = bytes(self.raw[9:12])
        return int(head) if head.isdigit() else 0

    def body(self) -> bytes:
        """Return the response's body, its chunks joined."""
        head, _, rest = bytes(self.raw).partition(b"\r\n\r\n")
        return unchunked(rest) if b"chunked" in head.lower() else rest


def unchunked(raw: bytes) -> bytes:
    """Return a chunked body's content, as far as it came."""
    parts, at = list[bytes](), 0
    while (found := CHUNK.match(raw, at)) and (size := int(found[1], 16)):
        parts.append(raw[found.end() : found.end() + size])
        at = found.end() + size + 2
    return b"".join(parts)


async def tap_all(
    port: int, requests: Sequence[Asked], mark: re.Pattern[bytes], patience: float
) -> list[Tap]:
    """Send all requests at the same time and return them when all have ended. Raises TimeoutError."""
    loop = asyncio.get_running_loop()

    async def one(asked: Asked) -> Tap:
        made = Tap(asked.raw(port), mark)
        transport, _ = await loop.create_connection(lambda: made, "127.0.0.1", port)
        try:
            await made.ended.wait()
        finally:
            transport.abort()
        return made

    async with asyncio.timeout(patience):
        return list(await asyncio.gather(*map(one, requests)))
