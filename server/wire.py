"""How an event looks on the wire: pure functions from log entries to SSE frames."""

from typing import Any, Final

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
