"""What a client is told anew, where the log cannot give it what it lacks: the whole, and how it is spelt.

It comes between two frames of its own: `restart` carries an anchor, an id that no entry has, and a stored end carries
another. Who comes back with the first as its cursor was cut in the middle and is told all anew once more; nobody has to
guess what of it arrived. Who comes back with the second has the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from contracts.events import Event
from graph.events import ANSWERS
from server.entries import ANCHOR, Id
from server.wire import Wire
from store.messages import Message
from store.runs import Run

END: Final = ANCHOR | ANCHOR >> 1
"""The counter of an anchor that stands for a run's end."""

REASON: Final = "A part could not be replayed; this is the whole."


@dataclass(frozen=True, slots=True)
class Anew:
    """What makes good that a part cannot be replayed."""

    frames: bytes
    anchor: Id
    """The id that its `restart` carries."""
    cursor: Id = (0, 0)
    """Where the log goes on behind the frames."""
    ends: bool = False
    """The frames hold the end as well."""


def is_anchor(id: Id) -> bool:
    """Tell whether an id is an anchor, and no entry's."""
    return id[1] >= ANCHOR


def is_end(id: Id) -> bool:
    """Tell whether who has this id has a run's end."""
    return id[1] >= END


def anchor_after(id: Id) -> Id:
    """Return an anchor that is later than the id, and earlier than every entry of a later millisecond."""
    return (id[0] + 1, ANCHOR) if is_end(id) else (id[0], max(id[1] + 1, ANCHOR))


def from_memory(wire: Wire, anchor: Id, opening: dict[str, Any], text: str, known: Mapping[str, Any]) -> Anew:
    """Return what a run that is on its way has come to; its log goes on behind the anchor."""
    return Anew(_whole(wire, anchor, opening, text) + _rest(wire, known), anchor, anchor)


def from_store(wire: Wire, seen: Id, run: Run, answer: Message | None, onward: Event | None) -> Anew:
    """Return what a run that has ended came to, for who has seen ids up to this one; `onward` names who goes on."""
    text = answer["content"] if answer else ""
    anchor = anchor_after(max(seen, (_began(run), 0)))
    names = {
        "run_id": "id",
        "conversation_id": "conversation_id",
        "message_id": "message_id",
        "agent": "agent",
    }
    opening = {name: run[key] for name, key in names.items()}
    name, data = "done", {"status": run["status"], "text": text, "message_id": run["answer_id"]}
    if run["error"]:
        name, data = "error", run["error"]
    goes_on = wire.note(*onward) if onward else b""
    end = goes_on + wire.frame(_raw((anchor[0], anchor[1] | END)), name.encode(), orjson.dumps(data))
    return Anew(_whole(wire, anchor, opening, text) + _rest(wire, answer or {}) + end, anchor, ends=True)


def _began(run: Run) -> int:
    return int(datetime.fromisoformat(run["created_at"]).timestamp() * 1000)


def _whole(wire: Wire, anchor: Id, opening: dict[str, Any], text: str) -> bytes:
    frames = wire.note("run", opening) + _restart(wire, anchor)
    return frames + (wire.note("token", {"text": text}) if text else b"")


def _restart(wire: Wire, anchor: Id) -> bytes:
    return wire.frame(_raw(anchor), b"restart", orjson.dumps({"reason": REASON}))


def _rest(wire: Wire, answer: Mapping[str, Any]) -> bytes:
    """Return what is known of an answer besides its text."""
    frames: list[bytes] = []
    decision = answer.get("decision")
    if decision:
        frames.append(wire.note("decision", dict(decision)))
    if decision and decision["path"] in ANSWERS and (sources := answer.get("sources")):
        frames.append(wire.note("sources", {"passages": sources}))
    frames += [wire.note("citation", dict(citation)) for citation in answer.get("citations", [])]
    if usage := answer.get("usage"):
        frames.append(wire.note("usage", dict(usage)))
    if actions := answer.get("actions"):
        frames.append(wire.note("suggestions", {"actions": actions}))
    return b"".join(frames)


def _raw(id: Id) -> bytes:
    return b"%d-%d" % id
