"""1,000 streams at 20 tokens a second for minutes: how late is a token, and is anything lost?

Every token of this stub's answers is the moment at which the model said it, so a delay is the whole way: model,
server, log, client. A server that reads its model late is late; an id of the log would not show that.
"""

import asyncio
import re
import sys
import tempfile
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import orjson
import psutil

from bench.processes import Child, child, server_env
from bench.sse import Client, Seen, Stream
from bench.streams import AT_ONCE, start
from bench.tap import Asked

STREAMS: Final = 1000
PACE: Final = 20.0
STAMP: Final = re.compile(r" (\d+\.\d)")
RAMP_S: Final = 300.0
GREETING: Final = b'{"content": "Hello, nice to meet you!"}'
"""Small talk: nothing is read, so the ramp is short and the figures are of streams."""
GRACE_S: Final = 60.0
"""How much longer than it should a soak may last; what has not come by then is lost."""


@dataclass(slots=True)
class Soaked:
    """What the streams were like."""

    delays: "array[float]" = field(default_factory=lambda: array("f"))
    """Milliseconds of each token."""
    broken: int = 0
    """Streams whose text is not what `done` says, or without an end."""
    lost: int = 0
    """Tokens that the model said and no `done` has."""
    tokens: int = 0
    seconds: float = 0.0
    server_s: float = 0.0
    store_s: float = 0.0
    growth: int = 0
    """Bytes of memory of the server, from a tenth of the time to its end."""


@dataclass(slots=True)
class Stamped(Seen):
    """A stream whose tokens are moments."""

    soaked: Soaked = field(default_factory=Soaked)
    text: bytearray = field(default_factory=bytearray)

    def take(self, frame: bytes, now: float) -> None:
        """Take one frame in."""
        if b"event: restart" in frame[:64]:
            self.text.clear()
        if b"event: token" not in frame[:64]:
            if b"event: " in frame:  # the last words of a server that ends have none
                Seen.take(self, frame, now)
            return
        self.events += 1
        said = orjson.loads(frame.partition(b"data: ")[2])["text"]
        self.text += said.encode()
        self.soaked.delays.extend(now - float(stamp) for stamp in STAMP.findall(said))

    def whole(self) -> bool:
        """Tell whether the stream ended with the text that it told."""
        return self.ends == 1 and self.done is not None and bytearray(self.done.encode()) == self.text


async def soak(seconds: float, streams: int = STREAMS, pace: float = PACE) -> Soaked:
    """Let the streams flow for so long and return what they were like."""
    tokens, soaked = round(seconds * pace), Soaked()
    crowd = ["-m", "bench.stamps", str(streams), str(pace), str(tokens), str(tokens)]
    with tempfile.TemporaryDirectory() as folder:
        async with child(crowd) as stub:
            env = server_env(Path(folder, "data"), stub.url, MAX_RUNNING=str(2 * streams))
            async with child(["switchboard.py", "serve", "--port", "0"], env) as server:
                opened = await open_all(server, streams, soaked)
                print(f"soak: {streams} streams wait for their model", file=sys.stderr)
                await flow(server, stub, opened, seconds, soaked)
    soaked.tokens = sum(len((client.seen.done or "").split()) for client in opened)
    soaked.broken = sum(not client.seen.whole() for client in opened)
    soaked.lost = streams * tokens - soaked.tokens
    return soaked


async def flow(server: Child, stub: Child, opened: Sequence[Client], seconds: float, soaked: Soaked) -> None:
    """Give the start and wait for the end of all streams."""
    before, began = server.cpu(), time.monotonic()
    await start(stub)
    later = asyncio.create_task(rss_after(server.process, seconds / 10))
    ended = [asyncio.create_task(client.seen.ended.wait()) for client in opened]
    _, late = await asyncio.wait(ended, timeout=seconds + GRACE_S)
    for task in late:
        task.cancel()
    soaked.seconds = time.monotonic() - began
    used = server.cpu() - before
    soaked.server_s, soaked.store_s = used.own, used.children
    soaked.growth = server.rss() - await later
    for client in opened:
        client.close()


async def rss_after(process: psutil.Process, seconds: float) -> int:
    """Return the process's memory in bytes after that time, when what is made once has been made."""
    await asyncio.sleep(seconds)
    return process.memory_info().rss


async def open_all(server: Child, streams: int, soaked: Soaked) -> list[Client]:
    """Open the streams, a few at a time, until each has had its decision. Raises RuntimeError where one has ended."""
    turn, place = asyncio.Semaphore(AT_ONCE), "/api/v1/messaging/conversations"

    async def one(http: httpx.AsyncClient) -> Client:
        async with turn:
            made = (await http.post(place, json={})).json()["id"]
            client = await attach(server.port, f"{place}/{made}/stream", GREETING, soaked)
            await client.seen.decided.wait()
            return client

    async with asyncio.timeout(RAMP_S), httpx.AsyncClient(base_url=server.url, timeout=RAMP_S) as http:
        opened = list(await asyncio.gather(*(one(http) for _ in range(streams))))
    if ended := [client.seen for client in opened if client.seen.ended.is_set()]:
        said = f"{len(ended)} of {streams} streams ended before the model said anything"
        raise RuntimeError(f"{said}; one with {ended[0].done!r}")
    return opened


async def attach(port: int, path: str, body: bytes, soaked: Soaked) -> Client:
    """Open one stream."""
    seen, loop = Stamped(soaked=soaked), asyncio.get_running_loop()
    request = Asked(path, body, {}).raw(port)
    _, stream = await loop.create_connection(lambda: Stream(request, seen), "127.0.0.1", port)
    assert stream.transport is not None
    return Client(seen, stream.transport)
