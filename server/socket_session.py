"""One WebSocket, from its handshake to its close: what the client says, the runs it follows, its user's news.

Every send waits until the transport takes it, and whoever sends reads nothing more meanwhile: a slow client is a
cursor that lags, as with SSE. Each task of a socket is a child of one group, so none outlives it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, Final

import orjson
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from contracts.errors import Forbidden, RateLimited, SwitchboardError, Unauthorized
from contracts.identity import Identity
from graph.failures import known
from server.parts import Parts
from server.resources import conversations, interrupts
from server.resources import runs as runs_of
from server.socket_commands import Attach, Cancel, Command, Detach, Resume, Say, ref_of, to_command, to_object
from server.socket_news import News
from server.sockets import bell_of
from server.stream import START
from server.wire import SocketWire

IDLE_S: Final = 5.0
"""Between two pings, and between two looks for news of which no bell was heard."""

REASON: Final = 123
"""Bytes of a close frame's reason. Source: RFC 6455, section 5.5."""

OUTAGES: Final = (SwitchboardError, RedisError, SQLAlchemyError, OSError)
"""What a client is told of, and may try again."""


class Gone(Exception):
    """The socket has ended, or is to be closed with a code."""

    def __init__(self, code: int = 0, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Session:
    """One open socket."""

    def __init__(self, ws: WebSocket, here: Parts, who: Identity, headers: Headers, news: News) -> None:
        self._ws, self._here, self._who, self._headers, self._news = ws, here, who, headers, news
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._stopping = set[str]()
        """Runs whose end was asked for and is waited for."""
        self._limits = here.sockets.limits
        self._group = asyncio.TaskGroup()

    async def run(self) -> None:
        """Serve the client until it goes away."""
        try:
            async with self._group:
                self._group.create_task(self._tell_news())
                await self._listen()
        except* Gone as ended:
            gone = next(error for error in _leaves(ended) if isinstance(error, Gone))
            if gone.code:
                await self.close(gone.code, gone.reason)

    async def close(self, code: int, reason: str) -> None:
        """Close with a code and as much of the sentence as a close frame holds."""
        cut = reason.encode()[:REASON].decode(errors="ignore")
        with suppress(WebSocketDisconnect, WebSocketDisconnected, OSError):
            async with asyncio.timeout(1):
                await self._ws.close(code, cut)

    async def refuse(self, error: SwitchboardError, code: int) -> None:
        """Say why the socket is not served, and close it."""
        with suppress(Gone):
            await self.fail(error)
        await self.close(code, error.message)

    async def tell(self, what: dict[str, Any]) -> None:
        """Send one message."""
        await self._send(orjson.dumps(what).decode())

    async def fail(self, error: SwitchboardError, **more: Any) -> None:
        """Say that what the client asked for is not done."""
        await self.tell({"type": "error", **more, **error.body()})

    async def _send(self, text: str) -> None:
        """Send one message when the client has room for it. Raises Gone for one that has none for long."""
        try:
            async with asyncio.timeout(self._limits.stall_s):
                await self._ws.send_text(text)
        except (WebSocketDisconnect, WebSocketDisconnected, OSError) as error:
            raise Gone from error

    async def _listen(self) -> None:
        while True:
            message = await self._ws.receive()
            if message["type"] == "websocket.disconnect":
                raise Gone
            await self._hear(message.get("text"))

    async def _hear(self, text: str | None) -> None:
        """Do what the client says; what is wrong with it is answered, and harms no more than itself."""
        about: dict[str, Any] = {}
        try:
            said = to_object(text)
            if (ref := ref_of(said)) is not None:
                about["ref"] = ref
            await self._do(to_command(said), about)
        except OUTAGES as failure:
            await self.fail(known(failure), **about)

    async def _do(self, command: Command, about: dict[str, Any]) -> None:
        await self._require_key()
        match command:
            case Say():
                await self._say(command, about)
            case Attach(run_id=run_id, after=after):
                await self._attach(run_id, after, about)
            case Detach(run_id=run_id):
                await self._leave(run_id)
                await self._accept(about, "detach", run_id)
            case Cancel(run_id=run_id):
                self._stop(run_id, about)
            case Resume(run_id=run_id):
                found = await interrupts.answered(self._here, self._who, run_id, command.response())
                await self._accept(about, "resume", run_id, next_run=found["next_run"])

    async def _accept(self, about: dict[str, Any], kind: str, run_id: str, **more: Any) -> None:
        await self.tell({"type": "accepted", **about, "command": kind, "run_id": run_id, **more})

    async def _say(self, command: Say, about: dict[str, Any]) -> None:
        self._require_room()
        accepted = await conversations.accept(self._here, self._who, command.conversation_id, command)
        run_id, place = accepted.run_id, accepted.conversation_id
        await self._accept(about, "message", run_id, conversation_id=place, message_id=accepted.message_id)
        streams, waits = self._here.streams, bool(accepted.ahead)
        self._follow(run_id, streams.open_new(self._who, run_id, SocketWire(run_id), waits=waits))

    async def _attach(self, run_id: str, after: str, about: dict[str, Any]) -> None:
        """Follow the run; who follows it already does so from this cursor on."""
        if run_id not in self._followed:
            self._require_room()
        frames = await self._here.streams.open(self._who, run_id, after, SocketWire(run_id))
        await self._leave(run_id)
        await self._accept(about, "attach", run_id, ended=frames is None)
        if frames is not None:
            self._follow(run_id, frames)

    def _require_room(self) -> None:
        if len(self._followed) >= self._limits.followed:
            raise RateLimited(
                f"This WebSocket follows {self._limits.followed} runs, which is the limit. Detach from one, or wait."
            )

    def _follow(self, run_id: str, frames: AsyncGenerator[bytes]) -> None:
        task = self._group.create_task(self._pass_on(run_id, frames))
        self._followed[run_id] = task

        def forget(done: asyncio.Task[None]) -> None:
            if self._followed.get(run_id) is done:
                del self._followed[run_id]

        task.add_done_callback(forget)

    async def _pass_on(self, run_id: str, frames: AsyncGenerator[bytes]) -> None:
        try:
            async with aclosing(frames):
                async for some in frames:
                    for message in some.decode().split("\n"):
                        if message:
                            await self._send(message)
        except OUTAGES as failure:  # the run goes on, and so does its log
            await self.tell({"type": "detached", "run_id": run_id, **known(failure).body()})

    async def _leave(self, run_id: str) -> None:
        """Stop following; nothing of the run is sent after this."""
        if task := self._followed.pop(run_id, None):
            task.cancel()
            await asyncio.wait([task])

    def _stop(self, run_id: str, about: dict[str, Any]) -> None:
        """End a run beside what else the client says: it may take seconds where another process answers."""
        if len(self._stopping) >= self._limits.followed:
            raise RateLimited(
                f"{self._limits.followed} runs are being cancelled. Wait for one of them to end."
            )
        if run_id not in self._stopping:
            self._stopping.add(run_id)
            self._group.create_task(self._cancel(run_id, about))

    async def _cancel(self, run_id: str, about: dict[str, Any]) -> None:
        try:
            run = await runs_of.cancel(self._here, self._who, run_id)
            self._here.sockets.ring(self._who)
            await self._accept(about, "cancel", run_id, status=run["status"])
        except OUTAGES as failure:
            await self.fail(known(failure), **about)
        finally:
            self._stopping.discard(run_id)

    async def _tell_news(self) -> None:
        """Tell what is new, when the bell rings and every few seconds."""
        await self._look()
        async for rung in self._here.tail.follow(bell_of(self._who), START, IDLE_S):
            await self._require_key()
            await self._look()
            if not rung:
                await self.tell({"type": "ping"})

    async def _look(self) -> None:
        with suppress(*OUTAGES):  # it is looked again soon
            async with aclosing(self._news.look()) as found:
                async for one in found:
                    await self.tell(one)

    async def _require_key(self) -> None:
        """Raise Gone where the key was revoked meanwhile, or the token has ended."""
        try:
            self._who = await self._here.gate.identify(self._headers)
        except (Unauthorized, Forbidden) as error:
            raise Gone(4401, error.message) from error
        except OUTAGES:
            return


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return the errors in nested groups."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
