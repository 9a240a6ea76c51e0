"""What is new for one user, whoever stored it: the messages of their conversations, and their runs under way.

Ids sort by the time they were made, but a transaction that was slow, or a server whose clock is late, stores an
older one after a newer one was seen. So whoever asks again looks back a little, and says what is known already.
"""

from collections.abc import Collection
from typing import NamedTuple, TypedDict, cast

from sqlalchemy import Connection, bindparam, select

from contracts.errors import BadCursor
from contracts.events import RunStatus
from contracts.identity import Identity
from store import access, quotes
from store.engine import reads
from store.ids import id_for
from store.messages import Message
from store.tables import messages, runs

LATE_S = 5.0
"""How much later than its id was made a message may be seen."""

PAGE = 50
"""Messages of one look."""

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_HEAD = 10
"""Digits of an id that hold its milliseconds, exactly."""


class NewMessage(Message):
    """A message with the conversation that it is in."""

    conversation_id: str


class UnderWay(TypedDict):
    """A run that has not ended."""

    run_id: str
    conversation_id: str
    status: RunStatus


class News(NamedTuple):
    """What one look found."""

    runs: list[UnderWay]
    """All that have not ended, oldest first."""
    messages: list[NewMessage]
    """Up to a page of those that were asked for, oldest first."""


@reads
def look(connection: Connection, who: Identity, after: str, known: Collection[str]) -> News:
    """Return the user's runs under way, and a page of their messages after the id that are not `known`."""
    under_way = connection.execute(_RUNS, access.bound(who)).all()
    values = {"after": after, "known": list(known), **access.bound(who)}
    rows = connection.execute(_MESSAGES, values).all()
    found = [{**dict(zip(_SHOWN, row, strict=False)), **row.details, "rating": None} for row in rows]
    quotes.shown(connection, who, found)
    return News(
        [cast(UnderWay, dict(zip(UnderWay.__annotations__, row, strict=True))) for row in under_way],
        [cast(NewMessage, one) for one in found],
    )


@reads
def ids_after(connection: Connection, who: Identity, after: str) -> set[str]:
    """Return the ids of the user's messages after this one."""
    found = select(messages.c.id).where(access.own(messages, who), messages.c.id > after)
    return set(connection.execute(found).scalars())


def settled() -> str:
    """Return the id before which no message appears any more."""
    return earlier(id_for("msg"))


def earlier(id: str) -> str:
    """Return the id of LATE_S before a message's; raises BadCursor for what is no message's id."""
    head, _, tail = id.partition("_")
    if head != "msg" or len(tail) != 26 or not set(tail) <= set(_DIGITS):
        raise BadCursor(
            f"{id[:60]!r} is not the id of a message. Send the id of the last one that you have, or none."
        )
    time = 0
    for digit in tail[:_HEAD]:
        time = time << 5 | _DIGITS.index(digit)
    time = max(0, time - int(LATE_S * 1000))
    digits = [_DIGITS[(time >> shift) & 31] for shift in range(5 * (_HEAD - 1), -1, -5)]
    return f"msg_{''.join(digits)}".ljust(len(id), "0")


_SHOWN = ("id", "conversation_id", "role", "content", "run_id", "author", "status", "created_at")
_m = messages.c
_MESSAGES = (
    select(*(_m[name] for name in _SHOWN), _m.details)
    .where(access.own_bound(messages), _m.id > bindparam("after"))
    .where(_m.id.not_in(bindparam("known", expanding=True)))
    .order_by(_m.id)
    .limit(PAGE)
)
_RUNS = (
    select(runs.c.id.label("run_id"), runs.c.conversation_id, runs.c.status)
    .where(access.own_bound(runs), runs.c.finished_at.is_(None))
    .order_by(runs.c.created_at, runs.c.id)
)
