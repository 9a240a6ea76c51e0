"""The inbox: questions that a person was offered for, asked for, and answered."""

from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict, cast

from sqlalchemy import ColumnElement, Connection, func, select, update

from contracts.agents import EscalationLimit
from contracts.errors import NotOpen, RateLimited, Unknown
from contracts.identity import Identity
from store import access, conversations, messages
from store.dialect import add_unless_there, lock
from store.engine import reads, writes
from store.ids import id_for, now, to_time
from store.paging import Page, page
from store.tables import escalations

Status = Literal["offered", "open", "answered", "withdrawn"]


class Ticket(TypedDict):
    """One escalation."""

    id: str
    run_id: str | None
    conversation_id: str
    user: str
    agent: str
    status: Status
    question: str
    """Empty once its conversation is deleted."""
    reason: str
    answer: str
    canonical: bool
    """The answer was approved to stand for the same question from now on."""
    answered_by: str
    answered_at: str | None
    message_id: str | None
    """The answer's message in the conversation."""
    created_at: str
    opened_at: str | None


@writes
def offer(
    connection: Connection,
    who: Identity,
    *,
    conversation_id: str,
    run_id: str | None,
    agent: str,
    question: str,
    reason: str,
) -> str:
    """Note that a person was offered and return the escalation's id; one a run."""
    return _begin(connection, who, conversation_id, run_id, agent, question, reason)


@writes
def ticket(
    connection: Connection,
    who: Identity,
    *,
    conversation_id: str,
    run_id: str | None,
    agent: str,
    question: str,
    reason: str,
    limit: EscalationLimit,
) -> str:
    """Open a ticket and return its id; a run that has opened one gets the same again.

    Raises RateLimited where the user has opened `limit.limit` within the last `limit.per` seconds.
    """
    lock(connection, "escalations", who.tenant, who.user)
    id = _begin(connection, who, conversation_id, run_id, agent, question, reason)
    this = _this(who, id)
    if connection.execute(select(escalations.c.status).where(this)).scalar() == "offered":
        _require_room(connection, who, limit)
        opened = {"status": "open", "opened_at": now(), "question": question, "reason": reason}
        connection.execute(update(escalations).where(this).values(opened))
    return id


@reads
def get(connection: Connection, who: Identity, id: str) -> Ticket:
    """Return the escalation; raises Unknown, also for a member who asks for another's."""
    return _require(connection, who, id)


@reads
def listing(
    connection: Connection,
    who: Identity,
    limit: int = 50,
    cursor: str | None = None,
    *,
    status: Status | None = None,
) -> Page[Ticket]:
    """Return a page, newest first: an overseer's whole tenant, else the caller's own."""
    query = select(*_SHOWN).where(access.visible(escalations, who))
    if status is not None:
        query = query.where(escalations.c.status == status)
    scope = ["escalations", status, *access.mark(who)]
    found = page(connection, query, [escalations.c.id], scope, limit=limit, cursor=cursor)
    return cast(Page[Ticket], found)


@writes
def answer(
    connection: Connection, who: Identity, id: str, content: str, *, canonical: bool = False
) -> Ticket:
    """Answer an open ticket in its conversation, signed by the caller, and return it.

    Raises Unknown, and NotOpen for one that is answered, withdrawn or was only offered.
    """
    asked = _require(connection, who, id)
    said = {"status": "answered", "answer": content, "canonical": canonical}
    said |= {"answered_by": who.user, "answered_at": now()}
    this = access.visible(escalations, who) & (escalations.c.id == id)
    answered = update(escalations).where(this, escalations.c.status == "open").values(said)
    if connection.execute(answered).rowcount == 0:
        raise NotOpen(f"Escalation {id} is {asked['status']}; only an open one can be answered.")
    asker = Identity(who.tenant, asked["user"])
    seq = conversations.grow(connection, asker, asked["conversation_id"])
    if seq is not None:
        message_id = messages.add(
            connection, asker, asked["conversation_id"], seq, "assistant", content,
            author=who.user, status="answered",
        )  # fmt: skip
        connection.execute(update(escalations).where(this).values(message_id=message_id))
    return _require(connection, who, id)


_SHOWN = tuple(
    escalations.c.user_id.label("user") if name == "user" else escalations.c[name]
    for name in Ticket.__annotations__
)


def _begin(
    connection: Connection,
    who: Identity,
    conversation_id: str,
    run_id: str | None,
    agent: str,
    question: str,
    reason: str,
) -> str:
    id = id_for("esc")
    row = {**access.row_of(who, id), "run_id": run_id, "conversation_id": conversation_id, "agent": agent}
    row |= {"status": "offered", "question": question, "reason": reason, "answer": "", "canonical": False}
    row |= {"answered_by": "", "created_at": now()}
    e = escalations.c
    added = add_unless_there(connection.dialect.name, escalations)
    if connection.execute(added, row).first() is not None:
        return id
    earlier = select(e.id).where(access.own(escalations, who), e.run_id == run_id)
    return connection.execute(earlier).scalar_one()


def _require_room(connection: Connection, who: Identity, limit: EscalationLimit) -> None:
    opened = escalations.c.opened_at
    since = to_time(datetime.now(UTC) - timedelta(seconds=limit.per))
    recent = select(func.count(), func.min(opened)).where(access.own(escalations, who), opened > since)
    count, oldest = connection.execute(recent).one()
    if count < limit.limit:
        return
    wait = limit.per if oldest is None else _seconds_until(oldest, limit.per)
    raise RateLimited(
        f"You have opened {count} of the {limit.limit} tickets that you may open in {in_words(limit.per)}. "
        f"You can open the next in {in_words(wait)}; until then, ask the agent again in other words.",
        retry_after=wait,
    )


def in_words(seconds: float) -> str:
    """Return a time as people say it, in its largest unit: `3 hours`."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds:.0f} seconds"


def _seconds_until(oldest: str, per: int) -> float:
    end = datetime.fromisoformat(oldest) + timedelta(seconds=per)
    return max(1.0, (end - datetime.now(UTC)).total_seconds())


def _this(who: Identity, id: str) -> ColumnElement[bool]:
    return (escalations.c.tenant == who.tenant) & (escalations.c.id == id)


def _require(connection: Connection, who: Identity, id: str) -> Ticket:
    seen = access.visible(escalations, who) & (escalations.c.id == id)
    row = connection.execute(select(*_SHOWN).where(seen)).mappings().first()
    if row is None:
        raise Unknown("escalation", id)
    return cast(Ticket, dict(row))
