"""A user's conversations. Each belongs to one user of one tenant; nobody else sees that it exists."""

from typing import Any, TypedDict, cast

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from contracts.errors import ConversationBusy, Unknown
from contracts.identity import Identity
from store import access
from store.columns import Words
from store.engine import reads, writes
from store.ids import id_for, now
from store.paging import Page, page
from store.tables import ACTIVE, conversations, decisions, escalations, runs

TITLE = 80
"""Characters of a first message that become the title."""


class Conversation(TypedDict):
    """A conversation as lists and `get` show it."""

    id: str
    title: str
    """Empty until the first message, unless it was given."""
    messages: int
    created_at: str
    updated_at: str
    """When the last message came."""
    active_run: str | None
    """The run that is answering or waiting in line now."""


@writes
def create(connection: Connection, who: Identity, title: str = "") -> Conversation:
    """Return a new, empty conversation."""
    id, at = id_for("conv"), now()
    row = {"title": title.strip(), "messages": 0, "created_at": at, "active_at": at}
    connection.execute(insert(conversations).values(**access.row_of(who, id), **row))
    return _require(connection, who, id)


@reads
def get(connection: Connection, who: Identity, id: str) -> Conversation:
    """Return the conversation; raises Unknown."""
    return _require(connection, who, id)


@reads
def listing(
    connection: Connection, who: Identity, limit: int = 50, cursor: str | None = None
) -> Page[Conversation]:
    """Return a page, latest activity first.

    One that becomes active while a reader pages moves to the front, where a fresh list shows it.
    """
    by = [conversations.c.active_at, conversations.c.id]
    scope = ["conversations", *access.mark(who)]
    found = page(connection, _rows(who), by, scope, limit=limit, cursor=cursor)
    return cast(Page[Conversation], found)


@writes
def remove(connection: Connection, who: Identity, id: str) -> None:
    """Delete the conversation with its messages, runs and feedback.

    Decisions and usage stay as figures without the text; tickets lose the question and open ones are
    withdrawn. Raises Unknown, and ConversationBusy while a run is active in it.
    """
    locked = select(conversations.c.id).where(access.own(conversations, who), conversations.c.id == id)
    if connection.execute(locked.with_for_update()).first() is None:
        raise Unknown("conversation", id)
    if run := _require(connection, who, id)["active_run"]:
        raise ConversationBusy(f"Run {run} is still active here. Cancel it, then delete the conversation.")
    _forget(connection, who, id)
    connection.execute(
        delete(conversations).where(conversations.c.tenant == who.tenant, conversations.c.id == id)
    )


def to_title(content: str) -> str:
    """Return the first line of a message, cut at a word to at most 80 characters."""
    line = " ".join((content.strip().splitlines() or [""])[0].split())
    if len(line) <= TITLE:
        return line
    return (line[: TITLE - 1].rsplit(" ", 1)[0] or line[: TITLE - 1]) + "…"


def _rows(who: Identity) -> Select[*tuple[Any, ...]]:
    c = conversations.c
    active = (
        select(runs.c.id)
        .where(runs.c.tenant == c.tenant, runs.c.conversation_id == c.id, runs.c.finished_at.is_(None))
        .where(runs.c.status.in_(ACTIVE))
        .order_by(runs.c.status, runs.c.created_at, runs.c.id)
        .limit(1)
        .scalar_subquery()
    )
    return select(
        c.id, c.title, c.messages, c.created_at, c.active_at.label("updated_at"), active.label("active_run")
    ).where(access.own(conversations, who))


def _require(connection: Connection, who: Identity, id: str) -> Conversation:
    row = connection.execute(_rows(who).where(conversations.c.id == id)).mappings().first()
    if row is None:
        raise Unknown("conversation", id)
    return cast(Conversation, dict(row))


def _forget(connection: Connection, who: Identity, id: str) -> None:
    ledger = (decisions.c.tenant == who.tenant) & (decisions.c.conversation_id == id)
    connection.execute(update(decisions).where(ledger).values(reason="", inputs={}))
    tickets = (escalations.c.tenant == who.tenant) & (escalations.c.conversation_id == id)
    connection.execute(update(escalations).where(tickets).values(question="", reason=""))
    unanswered = tickets & escalations.c.status.in_(("offered", "open"))
    connection.execute(update(escalations).where(unanswered).values(status="withdrawn"))


def grow(connection: Connection, who: Identity, id: str, title: str = "") -> int | None:
    """Count one more message and return its number, from 1; None where the conversation is not theirs.

    Holds the conversation's row until the transaction ends, so that numbers never collide.
    """
    values = {"this_id": id, "at": now(), "first_title": title, **access.bound(who)}
    return connection.execute(_GROW, values).scalar()


_GROW = (
    update(conversations)
    .where(access.own_bound(conversations), conversations.c.id == bindparam("this_id"))
    .values(
        messages=conversations.c.messages + 1,
        active_at=bindparam("at"),
        title=func.coalesce(func.nullif(conversations.c.title, ""), bindparam("first_title", type_=Words)),
    )
    .returning(conversations.c.messages)
)
