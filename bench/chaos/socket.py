"""A client's other way: one run over a WebSocket of its own (docs/websocket.md), as frames like those of SSE."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.chaos.wire import SILENCE_S
from contracts.events import TERMINAL

STATUS: Final = {"conversation_busy": 409, "rate_limited": 503}
"""What HTTP would say instead; a user may have ten sockets at a server, which is no defect here."""


@dataclass(slots=True)
class SocketReply:
    """A WebSocket on which a message was accepted or a run is followed, or was refused."""

    status: int
    said: dict[str, Any]
    ws: ClientConnection

    def drop(self) -> None:
        """Cut the connection: what was under way is lost."""
        self.ws.transport.abort()

    async def body(self) -> Any:
        """Return what was said instead of the run."""
        self.drop()
        return self.said

    async def frames(self) -> AsyncGenerator[bytes]:
        """Yield the run's events up to its end. Raises OSError where the line breaks off or nothing comes."""
        if self.said.get("ended"):
            return
        while True:
            said = await heard(self.ws)
            if said["type"] == "detached":
                return
            if "data" not in said or said.get("run_id") != self.said["run_id"] or said["type"] == "message":
                continue
            head = f"id: {said['id']}\n" if said["id"] else ""
            yield f"{head}event: {said['type']}\ndata: {orjson.dumps(said['data']).decode()}".encode()
            if said["type"] in TERMINAL:
                return


async def heard(ws: ClientConnection) -> dict[str, Any]:
    """Return the next message. Raises OSError."""
    try:
        async with asyncio.timeout(SILENCE_S):
            return orjson.loads(await ws.recv())
    except WebSocketException as error:
        raise ConnectionResetError(str(error)) from error


async def ask(port: int, command: dict[str, Any]) -> SocketReply:
    """Connect, say the command and return what becomes of it. Raises OSError."""
    try:
        ws = await connect(
            f"ws://127.0.0.1:{port}/api/v1/chat/ws/local", proxy=None, compression=None, ping_interval=None
        )
    except WebSocketException as error:
        raise ConnectionResetError(str(error)) from error
    try:
        await ws.send(orjson.dumps(command).decode())
        while True:
            said = await heard(ws)
            if said["type"] == "accepted":
                return SocketReply(200, said, ws)
            if said["type"] == "error" and "data" not in said:
                status = STATUS.get(said["code"], 503 if said["retryable"] else 400)
                return SocketReply(status, said, ws)
    except WebSocketException as error:
        ws.transport.abort()
        raise ConnectionResetError(str(error)) from error
    except BaseException:
        ws.transport.abort()
        raise
