"""A client that loses its connection again and again, comes back with the last id, and notes what it was told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bench.chaos import socket
from bench.chaos.model import question
from bench.chaos.plan import CHECK, REJECT, Ask
from bench.chaos.rig import CAREFUL, CLERK, Rig
from bench.chaos.socket import SocketReply
from bench.chaos.wire import BROKEN, Reply, call, request
from contracts.events import TERMINAL
from server.anew import is_anchor

AGAIN_S: Final = 0.2
SETTLE_S: Final = 1.0
"""After a request that broke: so long the server may still be committing it."""


@dataclass(slots=True)
class Told:
    """What a client shows, and what is wrong with how it came to it."""

    text: str = ""
    last: str = ""
    """The last id."""
    ids: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    ends: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    restarts: int = 0
    gaps: int = 0
    run: str = ""
    asked: dict[str, Any] | None = None
    """What a person is asked, where the run stops for one."""
    trail: list[str] = field(default_factory=list[str])
    """Each event as it came, and where each connection went: what a finding is understood from."""
    anew: int = 0
    """How often it was told all anew: with an id that is no entry's, and frames without any."""
    from_log: bool = False
    """Its end was an entry of the log, not told from the database."""

    def take(self, frame: bytes) -> bool:
        """Take a frame in; False for one that is no event."""
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if not line.startswith(b":"))
        if b"event" not in fields:
            return False
        name, data = fields[b"event"].decode(), orjson.loads(fields[b"data"])
        self.trail.append(f"{fields.get(b'id', b'-').decode()} {name} {fields[b'data'][:60].decode()}")
        if raw := fields.get(b"id"):
            self.last = raw.decode()
            head, _, tail = self.last.partition("-")
            self.ids.append((int(head), int(tail)))
            self.anew += name == "restart" and is_anchor(self.ids[-1])
        match name:
            case "run":
                self.run = data["run_id"]
            case "token":
                self.text += data["text"]
            case "restart":
                self.text, self.restarts = "", self.restarts + 1
            case "gap":
                self.gaps += 1
            case "interrupt":
                self.asked = data
            case _ if name in TERMINAL:
                self.ends.append((name, data))
                self.from_log = raw is not None and not is_anchor(self.ids[-1])
            case _:
                pass
        return True

    def rising(self) -> bool:
        """Tell whether each id came after the one before."""
        return all(early < late for early, late in zip(self.ids, self.ids[1:], strict=False))


class Client:
    """One message and whoever waits for its answer."""

    def __init__(self, rig: Rig, ask: Ask, name: str, heard: Callable[["Client", float], None]) -> None:
        self.ask, self.name, self.case = ask, name, name
        self.content = question(ask, name)
        self.told = Told()
        self.conversation = ""
        self.refused = False
        """Its message was not accepted: the conversation was busy."""
        self.lost = False
        """The server would not let it come back."""
        self.cuts = 0
        self.connections = 0
        self.cancelled: dict[str, Any] | None = None
        """The run as the server showed it when it had been stopped."""
        self.struck: tuple[str, float] | None = None
        """The fault that hit its run and when, until something is heard of it again."""
        self.deaths = 0
        """How often the server that answered it was killed, paused or ended."""
        self.replaced = False
        """A later message may have stopped its run."""
        self.wrong: list[str] = []
        self.followed = False
        """Another run goes on for its own."""
        self.rig = rig
        self.heard = heard
        self._left = list(ask.cuts)
        self.known = asyncio.Event()
        """Set once its run is known."""

    async def live(self, conversation: str) -> None:
        """Send the message and follow its answer to the end."""
        self.conversation = conversation
        stop = asyncio.create_task(self._stop()) if self.ask.cancel else None
        reply = await self._send()
        while not (self.refused or self.lost or self.told.ends):
            if reply is not None:
                await self._read(reply)
            if not self.told.ends:
                reply = await self._attach()
        if stop is not None:
            stop.cancel()
            await asyncio.wait([stop])

    @property
    def thread(self) -> str:
        """Return the run under which its effects are journalled."""
        return self.told.run

    def edited(self) -> str:
        """Return what a person makes of the answer."""
        return f"A person says so of {self.case}, and not the model."

    def may_act(self) -> bool:
        """Tell whether its calls may be made."""
        return self.ask.calls > 0 and self.ask.reply != REJECT

    def acts(self) -> bool:
        """Tell whether its calls must have been made by now."""
        return self.may_act() and bool(self.told.ends) and self.told.ends[0][1].get("status") == "completed"

    def _port(self) -> int:
        self.connections += 1
        route = self.ask.route
        port = self.rig.servers[route[self.connections % len(route)] % len(self.rig.servers)].port
        now = asyncio.get_running_loop().time()
        self.told.trail.append(f"at {now:.3f} to :{port} after {self.told.last!r}")
        return port

    async def _send(self) -> Reply | SocketReply | None:
        """Send the message until it is accepted; None where its stream is to be found by its run."""
        body = {"content": self.content}
        if agent := CLERK if self.ask.calls else CAREFUL if self.ask.kind == CHECK else "":
            body["agent"] = agent
        if self.ask.policy:
            body["multitask_strategy"] = self.ask.policy
        while True:
            status = 0
            try:
                reply = await self._posted(body)
                if reply.status == 200:
                    return reply
                status, said = reply.status, await reply.body()
                if status < 500 and status != 409:
                    self.wrong.append(f"refused with {status}: {said}")
            except BROKEN:
                pass
            await asyncio.sleep(SETTLE_S)
            if run := await self._accepted():
                self.told.run = run
                self.known.set()
                return None
            if status in range(400, 500):
                self.refused = True
                self.known.set()
                return None

    async def _posted(self, body: dict[str, str]) -> Reply | SocketReply:
        if self.ask.socket:
            said = {"type": "message", "conversation_id": self.conversation, **body}
            return await socket.ask(self._port(), said)
        return await request(
            self._port(), "POST", f"/messaging/conversations/{self.conversation}/stream", body
        )

    async def _opened(self) -> Reply | SocketReply:
        run, after = self.told.run, self.told.last
        if self.ask.socket:
            return await socket.ask(self._port(), {"type": "attach", "run_id": run, "after": after})
        return await request(self._port(), "GET", f"/messaging/runs/{run}/stream", after=after)

    async def _accepted(self) -> str:
        """Return the run of the message if the server has it: the reply may have been lost."""
        _, page = await self.rig.any(
            "GET", f"/messaging/conversations/{self.conversation}/messages?limit=200"
        )
        found = [one for one in page["items"] if one["role"] == "user" and one["content"] == self.content]
        return found[0]["run_id"] if found else ""

    async def _attach(self) -> Reply | SocketReply | None:
        if not self.told.run:  # cut before the first event
            self.told.run = await self._accepted()
        try:
            reply = await self._opened()
        except BROKEN:
            await asyncio.sleep(AGAIN_S)
            return None
        if reply.status == 200:
            return reply
        reply.drop()
        if reply.status < 500:
            self.wrong.append(f"no stream after {self.told.last!r}: status {reply.status}")
            self.lost = True
        await asyncio.sleep(AGAIN_S)
        return None

    async def _read(self, reply: Reply | SocketReply) -> None:
        """Take frames in until the stream ends, breaks, or is cut as the plan has it."""
        cut = self._left.pop(0) if self._left else 0
        count = 0
        try:
            async for frame in reply.frames():
                if not self.told.take(frame):
                    continue
                count += 1
                self.known.set()
                self.heard(self, asyncio.get_running_loop().time())
                if count == cut and not self.told.ends:
                    self.cuts += 1
                    return
        except BROKEN:
            await asyncio.sleep(AGAIN_S / 4)
        finally:
            reply.drop()

    async def _stop(self) -> None:
        """Stop the run as a person would, at whatever server."""
        await asyncio.sleep(self.ask.cancel)
        await self.known.wait()
        for _ in range(20):
            try:
                place = f"/messaging/runs/{self.told.run}/cancel"
                status, said = await call(self._port(), "POST", place)
            except BROKEN:
                status, said = 503, None
            if status == 200:
                self.cancelled = said
            if status < 500:
                return
            await asyncio.sleep(AGAIN_S)
