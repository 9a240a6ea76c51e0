"""What one WebSocket may take of the server: a client that reads nothing, runs followed at once, a key that ends."""

import asyncio
import json
import select
import socket
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.uri import parse_uri

from contracts.identity import LOCAL
from ports.settings import Settings
from server.app import create_app
from server.log import RunLog, log_key
from server.open import open_parts
from server.parts import Parts
from server.serve import Server
from server.socket_line import LINGER_S, SocketLine
from server.sockets import Limits
from store import conversations, keys, runs

PATIENCE = 20.0


class Served:
    """A server in the loop of the test."""

    def __init__(self, parts: Parts, server: Server, port: int) -> None:
        self.parts, self.server = parts, server
        self.address = f"ws://127.0.0.1:{port}/api/v1/chat/ws"
        self.port = port

    async def run(self, *said: str) -> str:
        """Begin a run that says this much and goes on; nobody answers it."""
        place = await conversations.create(self.parts.database, LOCAL, "")
        begun = await runs.accept(
            self.parts.database, LOCAL, place["id"], "default", "Go on.", owner=self.parts.lease.owner
        )
        log = RunLog(log_key(LOCAL.tenant, begun.run_id))
        self.parts.log.append(log, "run", {"run_id": begun.run_id}, expire=600)
        for text in said:
            self.parts.log.append(log, "token", {"text": text})
        await self.parts.log.flush(log)
        return begun.run_id


@pytest.fixture
async def served(tmp_path: Path) -> AsyncGenerator[Served]:
    nothing: Any = None
    async with open_parts(Settings(data_dir=tmp_path / "data", port=0), lambda _: nothing) as parts:
        port = asyncio.get_running_loop().create_future()
        config = uvicorn.Config(create_app(parts), port=0, log_level="error", lifespan="off", ws=SocketLine)
        server = Server(config, port.set_result, lambda: None)
        task = asyncio.create_task(server.serve())
        yield Served(parts, server, await port)
        server.stop()
        await asyncio.wait_for(task, 10)


async def say(ws: ClientConnection, **what: Any) -> None:
    await ws.send(json.dumps(what))


async def until(ws: ClientConnection, type: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while (said := json.loads(await ws.recv()))["type"] != type:
            pass
    return said


def deaf_client(port: int, run_id: str) -> socket.socket:
    """Return the socket of a client that follows a run and reads nothing of it."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", port))
    protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/api/v1/chat/ws/local"))
    protocol.send_request(protocol.connect())
    line.sendall(b"".join(protocol.data_to_send()))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += line.recv(1)
    protocol.receive_data(head)
    protocol.send_text(json.dumps({"type": "attach", "run_id": run_id}).encode())
    line.sendall(b"".join(protocol.data_to_send()))
    return line


def until_ended(line: socket.socket) -> bool:
    """Wait until the server ends the connection, reading nothing."""
    ends = select.poll()
    ends.register(line, 0)
    return bool(ends.poll(1000 * PATIENCE))


async def test_a_client_that_reads_nothing_is_let_go_and_others_are_served_meanwhile(served: Served):
    served.parts.sockets.limits = Limits(stall_s=1.0)
    run_id = await served.run(*["word " * 50_000] * 60)  # 15 MB: more than the kernel holds for a client
    short = await served.run("short")
    with await asyncio.to_thread(deaf_client, served.port, run_id) as deaf:
        began = time.monotonic()
        ended = asyncio.create_task(asyncio.to_thread(until_ended, deaf))
        async with connect(f"{served.address}/local", compression=None) as quick:
            await say(quick, type="attach", run_id=short)
            assert (await until(quick, "token"))["data"] == {"text": "short"}
            beside = time.monotonic() - began
            assert await ended
            took = time.monotonic() - began
            assert (len(served.parts.sockets), len(served.server.server_state.connections)) == (1, 1)
            await until(quick, "ping")
    assert beside < 1
    assert 1 <= took < 1 + LINGER_S + 2
    print(f"another was answered after {beside:.2f} s, the deaf one let go after {took:.2f} s")


async def test_a_run_too_many_is_refused_with_the_limit_and_taken_after_a_detach(served: Served):
    assert Limits() == Limits(stall_s=60, followed=50)
    served.parts.sockets.limits = Limits(followed=2)
    first, second, third = [await served.run(str(n)) for n in range(3)]
    async with connect(f"{served.address}/local") as ws:
        for run_id in (first, second):
            await say(ws, type="attach", run_id=run_id)
            assert (await until(ws, "accepted"))["run_id"] == run_id
        await say(ws, type="attach", run_id=third)
        refused = await until(ws, "error")
        await say(ws, type="detach", run_id=first)
        await until(ws, "accepted")
        await say(ws, type="attach", run_id=third)
        assert (await until(ws, "accepted"))["run_id"] == third
    assert (refused["code"], refused["message"]) == (
        "rate_limited",
        "This WebSocket follows 2 runs, which is the limit. Detach from one, or wait.",
    )


async def until_closed(ws: ClientConnection, *, speaks: bool) -> None:
    """Read, and speak, until the server closes. Raises ConnectionClosed."""
    while True:
        if speaks:
            await say(ws, type="detach", run_id="x")
        await until(ws, "accepted" if speaks else "nothing")


@pytest.mark.parametrize("speaks", [False, True])
async def test_a_revoked_key_ends_its_sockets_in_time(served: Served, speaks: bool):
    key, secret = await keys.create(served.parts.database, "acme", "ada", role="owner")
    headers = {"Authorization": f"Bearer {secret}"}
    async with connect(f"{served.address}/ada", additional_headers=headers) as ws:
        await say(ws, type="detach", run_id="x")
        await until(ws, "accepted")
        await keys.revoke(served.parts.database, "acme", key["id"])
        began = time.monotonic()
        with pytest.raises(ConnectionClosed) as closed:
            await until_closed(ws, speaks=speaks)
        took = time.monotonic() - began
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert "unknown or revoked" in closed.value.rcvd.reason
    assert took < (2.5 if speaks else 7.5)
    print(f"closed {took:.1f} s after the key was revoked")
