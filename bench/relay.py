"""The floor of `bench runtime`: a raw proxy from the model's lines to SSE. No run, no log, no graph, no framework.

    python -m bench.relay STUB_URL

One task a connection; each line that comes is parsed, and its text goes out as one frame.
"""

import asyncio
import contextlib
import sys
from urllib.parse import urlsplit

import orjson
import uvloop

from bench.bare import HEAD
from bench.lines import chunk
from bench.stub import LENGTH
from server.wire import to_frame


async def relay(host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass one answer on."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        asked = orjson.loads(await reader.readexactly(int(length[1]) if length else 0))
        lines, model = await asyncio.open_connection(host, port)
        model.write(request(asked["content"], host))
        await lines.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        text: list[str] = []
        while size := int(await lines.readline(), 16):
            said = orjson.loads((await lines.readexactly(size + 2))[:-2])
            if part := said["message"]["content"]:
                text.append(part)
                writer.write(chunk(frame(b"token", part, len(text))))
        writer.write(chunk(frame(b"done", "".join(text), len(text) + 1)) + chunk(b""))
        await writer.drain()
        model.close()
    writer.close()


def request(content: str, host: str) -> bytes:
    """Return the question as the model's API wants it."""
    body = orjson.dumps({"model": "stub:latest", "messages": [{"role": "user", "content": content}]})
    head = f"POST /api/chat HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def frame(name: bytes, text: str, number: int) -> bytes:
    """Return one frame of the answer."""
    return to_frame(b"1-%d" % number, name, orjson.dumps({"text": text}))


async def main() -> None:
    """Serve until the process ends; the first line on stdout is the URL."""
    stub = urlsplit(sys.argv[1])
    host, port = stub.hostname or "127.0.0.1", stub.port or 80
    server = await asyncio.start_server(lambda *both: relay(host, port, *both), "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
