"""The inbox: questions that a person was offered for, asked for, and answered."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypedDict, Unpack, cast

from sqlalchemy import ColumnElement, Connection, func, select, update

from contracts.agents import EscalationLimit
from contracts.errors import NotOpen, RateLimited, Unknown
from contracts.identity import Identity
from store import access, conversations, messages, quotes
from store.dialect import add_unless_there, lock
from store.engine import reads, writes
from store.ids import id_for, now, to_time
from store.paging import Page, page
from store.tables import escalations

Status = Literal["offered", "open", "answered", "withdrawn"]
UNANSWERED: Final = ("offered", "open")
"""What a person may answer: also where the asker was offered one and has not said yes."""


class Case(TypedDict):
    """What is handed over to a person."""

    conversation_id: str
    run_id: str | None
    agent: str
    question: str
    reason: str


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
def offer(connection: Connection, who: Identity, **case: Unpack[Case]) -> str:
    """Note that a person was offered and return the escalation's id; one a run."""
    return _begin(connection, who, case)


@writes
def ticket(connection: Connection, who: Identity, *, limit: EscalationLimit, **case: Unpack[Case]) -> str:
    """Open a ticket and return its id; a run that has opened one gets the same again.

    Raises RateLimited where the user has opened `limit.limit` within the last `limit.per` seconds.
    """
    lock(connection, "escalations", who.tenant, who.user)
    id = _begin(connection, who, case)
    this = _this(who, id)
    if connection.execute(select(escalations.c.status).where(this)).scalar() == "offered":
        _require_room(connection, who, limit)
        opened = {
            "status": "open",
            "opened_at": now(),
            "question": case["question"],
            "reason": case["reason"],
        }
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
    connection: Connection,
    who: Identity,
    id: str,
    content: str,
    *,
    canonical: bool = False,
    sources: Sequence[str] = (),
) -> Ticket:
    """Answer a ticket in its conversation, signed by the caller, and return it. `sources`: what it is written from.

    One that was only offered counts as well: whoever can answer need not wait for the asker's yes.
    Raises Unknown, and NotOpen for one that is answered or withdrawn.
    """
    asked = _require(connection, who, id)
    require_unanswered(asked)
    said = {"status": "answered", "answer": content, "canonical": canonical}
    said |= {"answered_by": who.user, "answered_at": now()}
    this = access.visible(escalations, who) & (escalations.c.id == id)
    answered = update(escalations).where(this, escalations.c.status.in_(UNANSWERED)).values(said)
    if connection.execute(answered).rowcount == 0:  # somebody was faster, between the two statements
        require_unanswered(_require(connection, who, id))
    asker = Identity(who.tenant, asked["user"])
    seq = conversations.grow(connection, asker, asked["conversation_id"])
    if seq is not None:
        message_id = messages.add(
            connection, asker, asked["conversation_id"], seq, "assistant", content,
            author=who.user, status="answered",
        )  # fmt: skip
        connection.execute(update(escalations).where(this).values(message_id=message_id))
        quotes.add(connection, asker, message_id, {"rests_on": sources})
    return _require(connection, who, id)


def require_unanswered(ticket: Ticket) -> None:
    """Raise NotOpen for a ticket that nobody waits for."""
    match ticket["status"]:
        case "answered":
            raise NotOpen(
                f"{ticket['answered_by']} answered escalation {ticket['id']} on {(ticket['answered_at'] or '')[:10]}; "
                "it takes one answer."
            )
        case "withdrawn":
            raise NotOpen(
                f"Escalation {ticket['id']} is withdrawn: its conversation was deleted, so nobody waits for an answer."
            )
        case "offered" | "open":
            pass


_SHOWN = tuple(
    escalations.c.user_id.label("user") if name == "user" else escalations.c[name]
    for name in Ticket.__annotations__
)


def _begin(connection: Connection, who: Identity, case: Case) -> str:
    id = id_for("esc")
    row = {**access.row_of(who, id), **case, "status": "offered", "answer": "", "canonical": False}
    row |= {"answered_by": "", "created_at": now()}
    e = escalations.c
    added = add_unless_there(connection.dialect.name, escalations)
    if connection.execute(added, row).first() is not None:
        return id
    earlier = select(e.id).where(access.own(escalations, who), e.run_id == case["run_id"])
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
