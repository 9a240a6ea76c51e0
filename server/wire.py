"""How an event looks on the wire: pure functions from log entries to SSE frames and to WebSocket messages."""

import random
from typing import Any, Final, Protocol

import orjson

HEARTBEAT: Final = b": heartbeat\n\n"
"""A comment line: keeps proxies and clients sure that the line is alive; carries no id."""


def to_frame(id: bytes, name: bytes, data: bytes) -> bytes:
    """Return the SSE frame of a log entry; `data` is JSON on one line.

    Source: WHATWG HTML, section 9.2 "Server-sent events".
    """
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (id, name, data)


def to_note(name: str, data: dict[str, Any]) -> bytes:
    """Return the frame of an event that is not in the log: it has no id, so no client resumes from it."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(data))


class Wire(Protocol):
    """A transport's way to spell events. What it returns can be joined with more of the same."""

    @property
    def heartbeat(self) -> bytes:
        """Return what is sent while nothing happens."""
        ...

    def frame(self, id: bytes, name: bytes, data: bytes) -> bytes:
        """Return a log entry; `data` is JSON on one line."""
        ...

    def note(self, name: str, data: dict[str, Any]) -> bytes:
        """Return an event that is not in the log."""
        ...

    def retry(self) -> bytes:
        """Return what tells a client to come back."""
        ...


class _Sse:
    """Server-sent events: each ends with an empty line."""

    heartbeat = HEARTBEAT
    frame = staticmethod(to_frame)
    note = staticmethod(to_note)

    def retry(self) -> bytes:
        """Return when to come back: at once, but not everybody at the same moment."""
        return b"retry: %d\n\n" % random.randint(100, 1000)  # noqa: S311 - nothing secret


SSE: Final[Wire] = _Sse()


class SocketWire:
    """Messages of a WebSocket, which carries many runs: JSON that names its run, each ended by a line feed.

    Inside JSON a line feed is always escaped, so lines tell the messages apart again. A socket has its own ping,
    and its close tells a client to come back.
    """

    heartbeat = b""

    def __init__(self, run_id: str) -> None:
        """`run_id` is one of ours: nothing in it needs escaping."""
        self._run = run_id.encode()

    def frame(self, id: bytes, name: bytes, data: bytes) -> bytes:
        """Return the message of a log entry."""
        return b'{"type":"%b","id":"%b","run_id":"%b","data":%b}\n' % (name, id, self._run, data)

    def note(self, name: str, data: dict[str, Any]) -> bytes:
        """Return the message of an event that is not in the log."""
        body = orjson.dumps(data)
        return b'{"type":"%b","id":null,"run_id":"%b","data":%b}\n' % (name.encode(), self._run, body)

    def retry(self) -> bytes:
        """Return nothing."""
        return b""
