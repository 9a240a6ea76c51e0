"""A client of many streams that costs little: asyncio protocols on raw sockets, each event stamped as it comes in."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final, cast

import orjson

ENDS: Final = frozenset({b"done", b"error"})


@dataclass(slots=True)
class Seen:
    """What one client saw of its stream."""

    last: tuple[int, int] = (0, 0)
    rising: bool = True
    """Each id came after the one before."""
    events: int = 0
    ends: int = 0
    done: str | None = None
    """The text of `done`."""
    parts: list[str] = field(default_factory=list[str])
    delays: list[float] = field(default_factory=list[float])
    """Milliseconds from each id to its arrival, up to 1 too long: an id is cut to whole milliseconds."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the `decision`, or at the end."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the connection is gone or the stream's last chunk has come."""

    def whole(self) -> bool:
        """Tell whether nothing is missing: ids rise, one end, and its text is what the tokens said."""
        return self.rising and self.ends == 1 and self.done == "".join(self.parts)

    def take(self, frame: bytes, now: float) -> None:
        """Take one frame in."""
        if frame.startswith(b":"):
            return
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n"))
        self.events += 1
        if raw := fields.get(b"id"):
            head, _, tail = raw.partition(b"-")
            id = (int(head), int(tail))
            self.rising = self.rising and id > self.last
            self.last = id
            self.delays.append(now - id[0])
        name = fields[b"event"]
        if name == b"token":
            self.parts.append(orjson.loads(fields[b"data"])["text"])
        elif name in ENDS:
            self.ends += 1
            self.done = orjson.loads(fields[b"data"]).get("text")
        if name == b"decision" or name in ENDS:
            self.decided.set()


class Stream(asyncio.Protocol):
    """One connection: sends its request, takes the chunked response apart."""

    def __init__(self, request: bytes, seen: Seen) -> None:
        self._request = request
        self._seen = seen
        self._raw = bytearray()
        self._body = bytearray()
        self._in_body = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take in what came, stamped with this moment."""
        now = time.time() * 1000
        self._raw += data
        if not self._in_body and not self._head():
            return
        while self._chunk():
            pass
        *frames, rest = self._body.split(b"\n\n")
        self._body = rest
        for frame in frames:
            self._seen.take(bytes(frame), now)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that no more will come."""
        self._seen.decided.set()
        self._seen.ended.set()

    def _head(self) -> bool:
        head, blank, rest = self._raw.partition(b"\r\n\r\n")
        if not blank:
            return False
        status, *lines = head.decode("latin-1").split("\r\n")
        if " 200 " not in f"{status} ":
            raise RuntimeError(f"The stream was refused: {status}, {rest[:300].decode(errors='replace')}")
        self._seen.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        self._raw, self._in_body = rest, True
        return True

    def _chunk(self) -> bool:
        size, line, rest = self._raw.partition(b"\r\n")
        length = int(size, 16) if line else -1
        if length < 0 or len(rest) < length + 2:
            return False
        self._body += rest[:length]
        self._raw = rest[length + 2 :]
        if length == 0:
            self._seen.ended.set()
            return False
        return True


@dataclass(slots=True)
class Client:
    """An open stream."""

    seen: Seen
    transport: asyncio.Transport

    def close(self) -> None:
        """Go away without waiting for the end."""
        self.transport.abort()


async def attach(port: int, method: str, path: str, body: bytes = b"") -> Client:
    """Open a stream on 127.0.0.1; its events are taken in from now on."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
    request = f"{head}Content-Type: application/json\r\n\r\n".encode() + body
    seen = Seen()
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_connection(lambda: Stream(request, seen), "127.0.0.1", port)
    assert stream.transport is not None
    return Client(seen, stream.transport)
