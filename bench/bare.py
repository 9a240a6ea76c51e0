"""The floor of `bench streams`: the least server that sends such streams. No runs, no log, no graph, no framework.

    python -m bench.bare CLIENTS PACE FEWEST MOST

Every connection gets the frames of one answer, at the stub's pace, when all have come and one more gave the start.
"""

import asyncio
import contextlib
import sys
import time

import orjson
import uvloop

from bench.crowd import Start, start_of
from bench.lines import chunk, word
from server.wire import to_frame

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def answer(start: Start, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Stream one answer."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + chunk(frame("decision", {})))
        count, clock = await start.wait(), asyncio.get_running_loop().time
        began = clock()
        for n in range(count):
            await asyncio.sleep(began + n / start.pace - clock())
            writer.write(chunk(frame("token", {"text": word(n)}, n)))
        text = "".join(word(n) for n in range(count))
        writer.write(chunk(frame("done", {"text": text}, count)) + chunk(b""))
        await writer.drain()
    writer.close()


def frame(name: str, data: dict[str, str], number: int = 0) -> bytes:
    """Return a frame whose id is the time."""
    id = b"%d-%d" % (time.time_ns() // 1_000_000, number)
    return to_frame(id, name.encode(), orjson.dumps(data))


async def main() -> None:
    """Serve until the process ends; the first line on stdout is the URL."""
    start = start_of(sys.argv[1:])
    server = await asyncio.start_server(lambda *both: answer(start, *both), "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
