"""The way of a model's tokens: lines of JSON over real HTTP."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import uvloop

from bench.stub import Stub, serving
from ports import lines
from ports.lines import Lines, Refused
from tests.tcp.model import serving_model

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BODY = {"model": "stub:latest", "messages": [{"role": "user", "content": "Hi"}]}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"


def client(url: str, patience: float = 5.0) -> Lines:
    headers = {"Accept": "application/json"}
    return Lines(urlsplit(url), ssl.create_default_context(), headers, connect=2.0, patience=patience)


@asynccontextmanager
async def host(serve: Serve) -> AsyncGenerator[str]:
    """Serve raw bytes: each connection is read up to its first request's end, then handed over."""

    under_way = set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        under_way.add(cast("asyncio.Task[None]", asyncio.current_task()))
        await serve(reader, writer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        if under_way:  # each ends when its client has left
            await asyncio.wait(under_way)


async def all_of(client: Lines, body: Any = BODY) -> list[Any]:
    return [part async for part in client.post("/api/chat", body)]


async def test_answers_follow_each_other_on_one_connection() -> None:
    stub = Stub(tokens=5)
    async with serving(stub) as url:
        asked = client(url)
        for _ in range(3):
            parts = await all_of(asked)
            assert [part["done"] for part in parts] == [False] * 5 + [True]
        assert len(stub.open) == 1
        asked.close()


async def test_answers_at_the_same_time_have_connections_of_their_own() -> None:
    stub = Stub(tokens=5, pace=200)
    async with serving(stub) as url:
        asked = client(url)
        found = await asyncio.gather(*(all_of(asked) for _ in range(4)))
        assert [len(parts) for parts in found] == [6] * 4
        asked.close()


async def test_a_kept_connection_that_the_host_has_closed_is_replaced() -> None:
    stub = Stub(tokens=2)
    async with serving(stub) as url:
        asked = client(url)
        assert len(await all_of(asked)) == 3
        (kept,) = stub.open
        kept.close()
        assert len(await all_of(asked)) == 3
        asked.close()


def test_the_loop_that_serves_reads_as_python_s_own_does() -> None:
    async def ask() -> list[int]:
        async with serving(Stub(tokens=5)) as url:
            asked = client(url)
            found = [len(await all_of(asked)) for _ in range(3)]
            asked.close()
            return found

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == [6, 6, 6]


async def test_an_answer_that_is_left_closes_its_connection() -> None:
    stub = Stub(tokens=1000, pace=50)
    async with serving(stub) as url:
        asked = client(url)
        async with aclosing(asked.post("/api/chat", BODY)) as parts:
            await anext(parts)
        async with asyncio.timeout(5):
            await stub.ended.wait()
        assert stub.running == 0


async def test_lines_are_whole_however_the_bytes_are_cut() -> None:
    said = [{"n": n, "text": "ä" * n} for n in range(30)]
    body = b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in said).rstrip()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        for first in range(0, len(body), 7):
            writer.write(body[first : first + 7])
            await writer.drain()

    async with host(serve) as url:
        assert await all_of(client(url)) == said


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\n" + b'{"n": 1}\n{"n": 2}\n')

    async with host(serve) as url:
        assert await all_of(client(url)) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("head", [b"Content-Length: 900\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
async def test_an_answer_that_is_cut_off_is_no_whole_one(head: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + head + (b'9\r\n{"n": 1}\n\r\n' if b"chunked" in head else b'{"n": 1}\n'))

    async with host(serve) as url:
        asked, seen = client(url), list[Any]()

        async def listen() -> None:
            async for part in asked.post("/", BODY):
                seen.append(part)

        with pytest.raises(ConnectionError):
            await listen()
        assert seen == [{"n": 1}]


async def test_a_host_that_falls_silent_is_given_up() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 900\r\n\r\n" + b'{"n": 1}\n')
        await reader.read()

    async with host(serve) as url:
        with pytest.raises(TimeoutError):
            await all_of(client(url, patience=0.1))  # and its connection is closed: the host's read ends


@pytest.mark.parametrize("made_by", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("ttft", [0.0, 2.0])
def test_a_host_is_not_silent_while_this_process_is_paused(made_by: Any, ttft: float) -> None:
    """A process that was stopped for longer than its patience goes on, though the host says more only later."""
    with serving_model() as model, asyncio.Runner(loop_factory=made_by) as runner:
        model.reset(tokens=5, pace=4, ttft=ttft)

        async def ask() -> list[Any]:
            asked = client(model.url, patience=1.0)
            reading = asyncio.create_task(all_of(asked))
            await asyncio.to_thread(model.until_asked)
            time.sleep(1.6)  # noqa: ASYNC251 - the pause itself: the loop stands still, the host does not
            parts = await reading
            asked.close()
            return parts

        assert len(runner.run(ask())) == 6


async def test_a_host_is_not_silent_while_nobody_listens() -> None:
    """A reader that is held back for longer than its patience finds the answer going on."""
    asked_again = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\n" + b'{"n": 1}\n')
        await asked_again.wait()
        writer.write(b'{"n": 2}\n')

    async with host(serve) as url, aclosing(client(url, patience=0.2).post("/", BODY)) as parts:
        assert await anext(parts) == {"n": 1}
        await asyncio.sleep(0.5)
        following = asyncio.create_task(anext(parts))
        await asyncio.sleep(0)
        asked_again.set()
        assert await following == {"n": 2}


async def test_a_host_that_speaks_no_http_is_an_error() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()

    async with host(serve) as url:
        with pytest.raises(ConnectionError, match="not HTTP"):
            await all_of(client(url))


async def test_a_line_without_an_end_is_an_error_and_not_all_of_memory() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\n" + b"x" * (lines.LONGEST + 1))

    async with host(serve) as url:
        with pytest.raises(ConnectionError, match="a line of more than"):
            await all_of(client(url))


async def test_an_error_status_carries_its_text_and_a_redirect_is_one() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 307 Moved\r\nLocation: /else\r\nContent-Length: 5\r\n\r\nmoved")

    async with host(serve) as url:
        with pytest.raises(Refused, match="moved") as caught:
            await all_of(client(url))
    assert caught.value.status == 307


async def test_a_host_far_ahead_of_its_reader_waits() -> None:
    """A reader that does not read holds no more than a little over AHEAD in memory."""
    sent = 0
    stopped = asyncio.Event()
    line = b'{"text": "' + b"x" * 10_000 + b'"}\n'

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(HEAD + b"\r\n")
        for _count in range(3_000):
            writer.write(line)
            try:
                async with asyncio.timeout(0.3):
                    await writer.drain()
            except TimeoutError:
                stopped.set()
                await writer.drain()
            sent += len(line)

    async with host(serve) as url:
        asked = client(url)
        async with aclosing(asked.post("/", BODY)) as parts:
            assert len((await anext(parts))["text"]) == 10_000
            async with asyncio.timeout(10):
                await stopped.wait()
            assert sent < lines.AHEAD + 12_000_000  # the kernel's own buffers are in it
            count = 1 + len([part async for part in parts])
        assert count == 3_000
