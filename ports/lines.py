"""A POST whose answer is lines of JSON, read as they come: every token of a model host takes this way.

With 200 streams of 60 tokens a token cost 156 µs of CPU through httpx, 50 through aiohttp, 18 through httptools on
a bare protocol as here. An answer is one request on one connection; whole answers leave theirs for the next one.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, cast
from urllib.parse import SplitResult

import httptools
import orjson

KEPT: Final = 32
"""Idle connections that are kept."""
LONGEST: Final = 4_000_000
"""Bytes of a line; a model's are some hundred."""
LOOK_S: Final = 1.0
"""Between two looks whether a host is silent; of a look that comes late, so much was this process's own sleep."""
AHEAD: Final = 1_000_000
"""Bytes that a host may be ahead of the reader; then its connection is not read from."""


class Refused(Exception):
    """The host answered with an error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Exchange(asyncio.Protocol):
    """One connection, and the answer that is read from it."""

    def __init__(self, patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.lost = False
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._blocks: list[bytes] = []
        self._held = 0
        self._framed = False
        """The answer's length is told, so that a closed connection is not its end."""
        self._failure: Exception | None = None
        self._heard = self._due = self._loop.time()
        self._stays = False
        """The host keeps the connection open for another request."""
        self.headed = False
        self.whole = False

    @property
    def status(self) -> int:
        """Return the answer's status."""
        return self._parser.get_status_code()

    def usable(self) -> bool:
        """Tell whether another request can be sent on this connection."""
        return self.whole and self._stays and not self.lost

    def send(self, head: bytes, body: bytes) -> None:
        """Send a request; what is received from here on is its answer."""
        assert self._transport is not None
        self._begin()
        self._transport.write(head + body)
        self._look_later()

    async def block(self) -> bytes:
        """Return what has come since the last call, waiting for some; empty at the end of the answer.

        Raises TimeoutError for a host that is silent, ConnectionError for one that broke off.
        """
        while not (self._blocks or self.whole):
            if self._failure is not None:
                raise self._failure
            self._heard = self._loop.time()  # nobody listened until now: that was no silence
            self._waiter = self._loop.create_future()
            await self._waiter
        found = b"".join(self._blocks)
        self._blocks.clear()
        if self._held > AHEAD and self._transport is not None and not self.lost:
            self._transport.resume_reading()
        self._held = 0
        return found

    def rest(self) -> None:
        """End the watch over an answer that is whole."""
        if self._watch is not None:
            self._watch.cancel()

    def close(self) -> None:
        """Close the connection at once: the host stops writing."""
        self.rest()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; called by the loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not of this class

    def data_received(self, data: bytes) -> None:
        """Parse what came; called by the loop."""
        self._heard = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionError(f"not HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer; called by the loop."""
        self.lost = True
        self.rest()
        if self.headed and not self._framed and exc is None:
            self.whole = True
        self._fail(ConnectionError(str(exc or "the connection was closed")))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note whether the length is told; called by the parser."""
        self._framed = self._framed or name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        """Wake the reader; called by the parser."""
        self.headed = self.status >= 200
        self._wake()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; called by the parser."""
        self._blocks.append(body)
        self._held += len(body)
        if self._held > AHEAD and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """End the answer; called by the parser."""
        self.whole, self._stays = self.headed, self._parser.should_keep_alive()
        self._wake()

    def _fail(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _look_later(self) -> None:
        """Look again soon; one timer an answer, not one a token."""
        self._due = self._loop.time() + min(LOOK_S, self._patience / 4)
        self._watch = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """Fail for a host that was listened to in vain for too long; while this process was paused nobody listened."""
        now = self._loop.time()
        self._heard = min(now, self._heard + now - self._due)
        waits = self._waiter is not None and not self._waiter.done()
        if waits and now - self._heard >= self._patience:
            self._fail(TimeoutError())
        else:
            self._look_later()


class Lines:
    """Asks one host, over connections that are kept."""

    def __init__(
        self, url: SplitResult, verify: ssl.SSLContext, headers: Mapping[str, str], *, connect: float, patience: float
    ) -> None:  # fmt: skip
        self._host, self._path = url.hostname or "", url.path.rstrip("/")
        self._ssl = verify if url.scheme == "https" else None
        self._port = url.port or (443 if self._ssl else 80)
        named = {"Host": url.netloc.rpartition("@")[2], "Content-Type": "application/json", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self._connect, self._patience = connect, patience
        self._idle: deque[Exchange] = deque(maxlen=KEPT)

    async def post(self, path: str, body: Any) -> AsyncGenerator[Any]:
        """Yield the JSON value of each line of the answer, as it comes; one that is left closes the connection.

        Raises Refused for an error status, TimeoutError for a host that is silent, OSError for one that cannot be
        reached or breaks off, orjson.JSONDecodeError for a line that is no JSON.
        """
        sent = orjson.dumps(body)
        head = f"POST {self._path}{path} HTTP/1.1\r\n{self._head}Content-Length: {len(sent)}\r\n\r\n".encode()
        exchange, first = await self._begun(head, sent)
        try:
            if exchange.status >= 300:
                raise Refused(exchange.status, (first + await _all(exchange)).decode(errors="replace"))
            rest, block = b"", first
            while block:
                *lines, rest = (rest + block).split(b"\n")
                if len(rest) > LONGEST:
                    raise ConnectionError(f"a line of more than {LONGEST:,} bytes")
                for line in lines:
                    if line:
                        yield orjson.loads(line)
                block = await exchange.block()
            if rest.strip():
                yield orjson.loads(rest)
        finally:
            self._leave(exchange)

    async def _begun(self, head: bytes, body: bytes) -> tuple[Exchange, bytes]:
        """Send the request and return the first block of its answer.

        A kept connection that the host has closed meanwhile is replaced: nothing of the answer was received.
        """
        while True:
            kept = self._kept()
            exchange = kept or await self._opened()
            try:
                exchange.send(head, body)
                return exchange, await exchange.block()
            except ConnectionError:
                exchange.close()
                if kept is None or exchange.headed:
                    raise
            except BaseException:
                exchange.close()
                raise

    def _kept(self) -> Exchange | None:
        while self._idle:
            if (exchange := self._idle.pop()).usable():
                return exchange
        return None

    async def _opened(self) -> Exchange:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect):
                _, exchange = await loop.create_connection(
                    lambda: Exchange(self._patience), self._host, self._port, ssl=self._ssl
                )
        except TimeoutError as late:
            raise ConnectionError(f"no connection within {self._connect} s") from late
        return exchange

    def _leave(self, exchange: Exchange) -> None:
        if exchange.usable() and len(self._idle) < KEPT:
            exchange.rest()
            self._idle.append(exchange)
        else:
            exchange.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()


async def _all(exchange: Exchange) -> bytes:
    blocks: list[bytes] = []
    while block := await exchange.block():
        blocks.append(block)
    return b"".join(blocks)
