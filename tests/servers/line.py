"""A WebSocket client of a running server, as a program would use one."""

import itertools
import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.servers.runtime import Event, Runtime

BESIDES = frozenset({"accepted", "status", "message", "ping", "detached"})
"""Messages that are no events of runs."""
PATIENCE = 20.0

Said = dict[str, Any]


@dataclass
class Line:
    """An open WebSocket."""

    ws: ClientConnection
    seen: list[Said] = field(default_factory=list[Said])
    refs: "itertools.count[int]" = field(default_factory=itertools.count)

    def say(self, type: str, **what: Any) -> str:
        """Say it under a new ref, which is returned."""
        ref = f"r{next(self.refs)}"
        self.ws.send(json.dumps({"type": type, "ref": ref, **what}))
        return ref

    def read(self) -> Said:
        """Return the next message."""
        said = json.loads(self.ws.recv(PATIENCE))
        self.seen.append(said)
        return said

    def until(self, type: str, **where: Any) -> Said:
        """Read on to a message of that type with these values, and return it."""
        while not _fits(said := self.read(), type, where):
            pass
        return said

    def have(self, type: str, **where: Any) -> Said:
        """As `until`, but one that was read already counts: who sends first is not said everywhere."""
        found = (said for said in self.seen if _fits(said, type, where))
        return next(found, None) or self.until(type, **where)

    def ask(self, conversation: str, question: str, **more: Any) -> str:
        """Send a message; return its run's id once it is accepted."""
        ref = self.say("message", conversation_id=conversation, content=question, **more)
        return self.until("accepted", ref=ref)["run_id"]

    def follow(self, run_id: str) -> list[Event]:
        """Read to the run's end and return its events."""
        while not any(self._of(said, run_id) and said["type"] in ("done", "error") for said in self.seen):
            self.read()
        return self.events(run_id)

    def events(self, run_id: str) -> list[Event]:
        """Return the run's events that were read."""
        return [
            Event(one["type"], one["data"], one["id"] or "") for one in self.seen if self._of(one, run_id)
        ]

    def all(self, type: str) -> list[Said]:
        """Return what was read of that type."""
        return [said for said in self.seen if said["type"] == type]

    @staticmethod
    def _of(said: Said, run_id: str) -> bool:
        return said.get("run_id") == run_id and said["type"] not in BESIDES and "data" in said


def _fits(said: Said, type: str, where: Said) -> bool:
    return said["type"] == type and all(said.get(name) == value for name, value in where.items())


@contextmanager
def line(
    server: Runtime,
    user: str = "local",
    after: str = "",
    headers: dict[str, str] | None = None,
    protocols: list[str] | None = None,
    **options: Any,
) -> Generator[Line]:
    """Connect until the block ends."""
    url = f"{server.url.replace('http', 'ws', 1)}/api/v1/chat/ws/{user}" + (
        f"?after={after}" if after else ""
    )
    offered = [Subprotocol(one) for one in protocols or []] or None
    options = {"compression": None, "proxy": None, "max_queue": None, **options}
    with connect(url, additional_headers=headers, subprotocols=offered, **options) as ws:
        yield Line(ws)
