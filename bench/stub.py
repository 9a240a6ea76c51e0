"""A model server that costs next to nothing: Ollama's API over raw asyncio, with pace and faults on demand.

It is the floor that the benchmarks stand on: no framework, and each line of an answer is made once.

    python -m bench.stub --port 11500 --tokens 200 --pace 50 --ttft 0.2

A fault is a part of the model's name (`stub:cut`) or of a message (`[[cut]]`): `slow` (20 tokens a
second), `cut` (the connection closes in mid-stream), `line` (in the middle of a line), `end` (a well-formed end
without `done`), `error` (an error line in mid-stream), `refuse` (status 500), `hang` (nothing before the first
byte), `stall` (nothing after the half), `length` (stopped by the limit), `missing` (404), `context` (400).

Where a question holds `[[tool:NAME {"a": 1}]]` and the request offers tools, the answer is that call; with the result
among the messages it is words again. `[[loop:NAME {}]]` calls each time.
"""

import argparse
import asyncio
import contextlib
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from bench.lines import (
    MODELS,
    REFUSED,
    TEMPLATES,
    Body,
    begun,
    calls_of,
    chunk,
    fault_of,
    lines_for,
    plain,
    whole,
    word,
)

LENGTH: Final = re.compile(rb"(?i)content-length: *(\d+)")


@dataclass(slots=True)
class Stub:
    """What the stub does, and what was done with it."""

    tokens: int = 100
    pace: float = 0.0
    """Tokens a second; 0 is as fast as it goes."""
    ttft: float = 0.0
    """Seconds before the first token."""
    width: int = 384
    """Dimensions of its embeddings."""
    broken: str = ""
    """A fault of every answer."""
    models: tuple[str, ...] = MODELS
    continues: bool = True
    """Its template leaves a last message of the assistant's open; the answer goes on behind the words in it."""
    aloud: int = 0
    """Words that it says before it calls a tool."""
    running: int = 0
    served: int = 0
    last: Body = field(default_factory=dict[str, Any])
    """The body of the latest request."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an answer ends, in whatever way."""
    open: dict[asyncio.StreamWriter, Any] = field(default_factory=dict[asyncio.StreamWriter, Any])
    """The task that serves each connection."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side leaves it."""
        self.open[writer] = asyncio.current_task()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                raw = await reader.readexactly(int(length[1])) if length else b""
                path, body = head.split(b" ", 2)[1].decode(), json.loads(raw or b"{}")
                self.last = body
                if path not in ("/api/chat", "/api/generate"):
                    writer.write(plain(path, body, self.models, self.width, TEMPLATES[self.continues]))
                elif not await self.answer(path, body, reader, writer):
                    break
        writer.close()
        del self.open[writer]

    async def answer(
        self, path: str, body: Body, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer a chat; False closes the connection."""
        fault = self.broken or fault_of(body)
        self.running, self.served = self.running + 1, self.served + 1
        try:
            if fault == "hang":
                return bool(await reader.read(1))
            if fault in REFUSED:
                status, text = REFUSED[fault]
                writer.write(whole({"error": text}, status))
                return True
            await asyncio.sleep(self.ttft)
            return await self.talk(path, body, fault, reader, writer)
        finally:
            self.running -= 1
            self.ended.set()

    async def talk(
        self, path: str, body: Body, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Write the answer's lines; False where a fault breaks it off."""
        first = min(begun(body), self.tokens) if self.continues else 0
        left = self.tokens - first
        count = min(left, body.get("options", {}).get("num_predict") or left)
        reason = "length" if fault == "length" or count < left else "stop"
        if calls := calls_of(body):
            count = min(count, self.aloud)
        lines = lines_for(path, str(body.get("model")), count, reason, first, json.dumps(calls))
        if body.get("stream") is False:
            text = "".join(word(n) for n in range(first, first + count))
            said = (
                {"message": {"role": "assistant", "content": text}}
                if path == "/api/chat"
                else {"response": text}
            )
            writer.write(whole({**json.loads(lines[-1]), **said}))
            return True
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        half = fault in ("cut", "line", "end", "error", "stall")
        await self.pour(lines[: count // 2] if half else lines, fault, reader, writer)
        match fault:
            case "line":
                writer.write(chunk(lines[count // 2][:20]))
            case "error":
                writer.write(chunk(b'{"error":"the stub was told to fail in mid-stream"}\n'))
            case "stall":
                await reader.read(1)
            case _:
                pass
        if fault not in ("cut", "line", "stall"):
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return not half

    async def pour(
        self, lines: list[bytes], fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Write the lines at the stub's pace; raises ConnectionError once the client is gone."""
        pace = 20.0 if fault == "slow" else self.pace
        if not pace:
            writer.write(chunk(lines[0]))
            await writer.drain()
            writer.write(b"".join(map(chunk, lines[1:])))
            return
        clock = asyncio.get_running_loop().time
        began = clock()
        for n, line in enumerate(lines):
            await asyncio.sleep(began + n / pace - clock())
            if reader.at_eof():
                raise ConnectionResetError
            writer.write(chunk(line))
            await writer.drain()


@asynccontextmanager
async def serving(stub: Stub, port: int = 0) -> AsyncGenerator[str]:
    """Serve the stub on 127.0.0.1 and give its URL; port 0 takes a free one."""
    server = await asyncio.start_server(stub, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        tasks = list(stub.open.values())
        for writer in stub.open:
            writer.close()
        if tasks:  # each ends by itself: Python 3.11 reports a cancelled connection as a failure
            await asyncio.wait(tasks)


async def serve(stub: Stub, port: int) -> None:
    """Serve until the process ends; the first line on stdout is the URL."""
    async with serving(stub, port) as url:
        print(url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Run the stub from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.stub", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--pace", type=float, default=0.0, help="tokens a second; 0: as fast as it goes")
    parser.add_argument("--ttft", type=float, default=0.0, help="seconds before the first token")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(Stub(tokens=options.tokens, pace=options.pace, ttft=options.ttft), options.port))


if __name__ == "__main__":
    main()
