"""The messages of a conversation, in the order of their numbers."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict, cast

from sqlalchemy import Connection, and_, bindparam, insert, select

from contracts.errors import Unknown
from contracts.identity import Identity
from contracts.state import Action, Citation, Decision, Passage, Turn, Usage
from store import access, quotes
from store.documents import may_read
from store.engine import reads
from store.ids import id_for, now
from store.paging import Page, page
from store.tables import conversations, documents, feedback, messages
from store.tables import quotes as quoted

NOTICES = ("queued", "interrupted")
"""Statuses of messages that only say that an answer will come."""
TURNS = 12
"""Earlier messages that a run sees by default."""


class Details(TypedDict, total=False):
    """What came with a message besides its text; absent where it does not apply."""

    attachments: list[dict[str, Any]]
    decision: Decision | None
    citations: list[Citation]
    sources: list[Passage]
    usage: Usage | None
    actions: list[Action]
    error: dict[str, Any] | None


class Message(Details):
    """A message as the API shows it."""

    id: str
    role: Literal["user", "assistant"]
    content: str
    run_id: str | None
    """The run that this question started, or that gave this answer."""
    author: str
    """The person who wrote an assistant message; empty for the agent itself."""
    status: str
    """How the run of an assistant message ended, or `answered` by a person; empty for the user's own."""
    created_at: str
    rating: int | None
    """The caller's own feedback, -1 or 1."""


@reads
def listing(
    connection: Connection, who: Identity, conversation_id: str, limit: int = 50, cursor: str | None = None
) -> Page[Message]:
    """Return a page, oldest first; raises Unknown for a conversation that is not the caller's."""
    owned = select(conversations.c.id).where(
        access.own(conversations, who), conversations.c.id == conversation_id
    )
    if connection.execute(owned).first() is None:
        raise Unknown("conversation", conversation_id)
    m = messages.c
    mine = and_(feedback.c.tenant == m.tenant, feedback.c.message_id == m.id, feedback.c.user_id == who.user)
    query = (
        select(m.id, m.role, m.content, m.run_id, m.author, m.status, m.created_at, m.details)
        .add_columns(feedback.c.rating)
        .select_from(messages.outerjoin(feedback, mine))
        .where(m.tenant == who.tenant, m.conversation_id == conversation_id)
    )
    scope = ["messages", conversation_id, *access.mark(who)]
    found = page(connection, query, [m.seq], scope, limit=limit, cursor=cursor, descending=False)
    items = [_flat(row) for row in found["items"]]
    quotes.shown(connection, who, items)
    return {"items": cast("list[Message]", items), "next": found["next"]}


@reads
def turns(connection: Connection, who: Identity, conversation_id: str, last: int = TURNS) -> list[Turn]:
    """Return the last messages that have text, oldest first; empty where the conversation is not theirs."""
    return turns_before(connection, who, conversation_id, 2**31 - 1, last)


@reads
def content_of(connection: Connection, who: Identity, id: str) -> str:
    """Return the text of one of the caller's messages; raises Unknown."""
    found = select(messages.c.content).where(access.own(messages, who), messages.c.id == id)
    content = connection.execute(found).scalar()
    if content is None:
        raise Unknown("message", id)
    return content


@reads
def answer_of(connection: Connection, who: Identity, run_id: str) -> Message | None:
    """Return what a run of the caller's has come to; None where it has not ended."""
    m = messages.c
    query = select(m.id, m.role, m.content, m.run_id, m.author, m.status, m.created_at, m.details)
    found = query.where(access.own(messages, who), m.run_id == run_id, m.role == "assistant")
    row = connection.execute(found).mappings().first()
    if row is None:
        return None
    answer = {**_flat(row), "rating": None}
    quotes.shown(connection, who, [answer])
    return cast(Message, answer)


@reads
def withheld(connection: Connection, who: Identity, run_id: str) -> bool:
    """Tell whether a run's answer draws on, or was shown, what the caller may not read any more."""
    m, q, d = messages.c, quoted.c, documents.c
    there = and_(d.tenant == q.tenant, d.source == q.source)
    found = (
        select(d.id, d.groups)
        .select_from(quoted.join(messages, and_(m.tenant == q.tenant, m.id == q.message_id)))
        .outerjoin(documents, there)
        .where(m.tenant == who.tenant, m.run_id == run_id)
    )
    return any(row.id is None or not may_read(who, row.groups) for row in connection.execute(found))


def turns_before(
    connection: Connection, who: Identity, conversation_id: str, seq: int, last: int = TURNS
) -> list[Turn]:
    """Return up to `last` messages with text before the numbered one, oldest first."""
    values = {"place": conversation_id, "before": seq, "last": last, **access.bound(who)}
    rows = connection.execute(_EARLIER, values).all()
    hidden = quotes.unreadable(connection, who, [row.id for row in rows if row.role == "assistant"])
    return [{"role": row.role, "content": row.content} for row in reversed(rows) if row.id not in hidden]


def turns_around(
    connection: Connection, who: Identity, conversation_id: str, message_id: str, last: int = TURNS
) -> list[Turn]:
    """Return up to `last` messages with text before a question that has waited, oldest first.

    An answer belongs behind its question, though others were asked before it came.
    """
    m = messages.c
    query = select(m.id, m.role, m.content, m.run_id, m.seq, m.status).order_by(m.seq.desc()).limit(3 * last)
    found = connection.execute(query.where(access.own(messages, who), m.conversation_id == conversation_id))
    rows = list(reversed(found.all()))
    asked = {row.run_id: row.seq for row in rows if row.role == "user"}
    here = next((row.seq for row in rows if row.id == message_id), None)
    if here is None:  # far back: nobody has answered for long
        return []
    placed = sorted(
        ((row.seq if row.role == "user" else asked.get(row.run_id, row.seq), row.seq, row) for row in rows),
        key=lambda one: one[:2],
    )
    hidden = quotes.unreadable(connection, who, [row.id for row in rows if row.role == "assistant"])
    before = [
        row
        for at, _, row in placed
        if at < here and row.content and row.status not in NOTICES and row.id not in hidden
    ]
    return [{"role": row.role, "content": row.content} for row in before[-last:]]


def add(
    connection: Connection,
    who: Identity,
    conversation_id: str,
    seq: int,
    role: Literal["user", "assistant"],
    content: str,
    *,
    id: str = "",
    run_id: str | None = None,
    author: str = "",
    status: str = "",
    details: Details | None = None,
) -> str:
    """Insert a message of `who`'s conversation under the number from `conversations.grow`; return its id."""
    id = id or id_for("msg")
    row = {
        **access.row_of(who, id),
        "conversation_id": conversation_id,
        "seq": seq,
        "role": role,
        "content": content,
        "run_id": run_id,
        "author": author,
        "status": status,
        "details": details or {},
        "created_at": now(),
    }
    connection.execute(_ADD, row)
    return id


def _flat(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row with its details beside its text, and nowhere else."""
    plain = {str(name): value for name, value in row.items() if name != "details"}
    return {**plain, **row["details"]}


_ADD = insert(messages)
_EARLIER = (
    select(messages.c.id, messages.c.role, messages.c.content)
    .where(access.own_bound(messages), messages.c.conversation_id == bindparam("place"))
    .where(messages.c.seq < bindparam("before"), messages.c.content != "")
    .where(messages.c.status.not_in(NOTICES))
    .order_by(messages.c.seq.desc())
    .limit(bindparam("last"))
)
