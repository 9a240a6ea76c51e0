"""The way of a run: accepted and looked up. `store.line` has those that wait or were cut off, `store.ends` the ends."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypedDict, cast

from sqlalchemy import Connection, bindparam, select, update

from contracts.errors import ConversationBusy, Unknown
from contracts.events import RunStatus
from contracts.identity import Identity
from contracts.state import Turn
from store import access, conversations, messages
from store.dialect import add_unless_there
from store.engine import reads, writes
from store.ids import id_for, now
from store.tables import ACTIVE, runs

Policy = Literal["reject", "enqueue", "interrupt"]
"""What becomes of a message while another is answered in its conversation: refused; answered after it; answered
instead of it, and what was written of the other is kept and marked."""

MOST_WAITING: Final = 20
"""Messages of one conversation that may wait."""


class Accepted(NamedTuple):
    """A question that is committed, and what its run needs to begin."""

    run_id: str
    message_id: str
    conversation_id: str
    turns: list[Turn]
    """The messages before the question, oldest first."""
    ahead: tuple[str, ...] = ()
    """The runs that answer or wait in the conversation, oldest first: this one waits until they have ended."""


class Run(TypedDict):
    """A run as the API and re-attaching need it."""

    id: str
    conversation_id: str
    message_id: str
    """The question."""
    answer_id: str | None
    agent: str
    status: RunStatus
    follows: str | None
    """The run that put this one into the line."""
    attempts: int
    """How often it was begun; 1 unless another process took it over."""
    owner: str
    """The process that answers; empty while none does."""
    error: dict[str, Any] | None
    created_at: str
    finished_at: str | None


@writes
def accept(
    connection: Connection,
    who: Identity,
    conversation_id: str,
    agent: str,
    content: str,
    attachments: Sequence[Mapping[str, Any]] = (),
    *,
    owner: str | None = "",
    policy: Policy = "reject",
    last: int = messages.TURNS,
) -> Accepted:
    """Commit a question and its run, and return them with the `last` messages before it.

    The run is `owner`'s; it waits where that is None, or where another is active and the policy allows it.
    Raises Unknown for a conversation that is not the caller's, ConversationBusy for a message that may not wait.
    """
    run_id, message_id = id_for("run"), id_for("msg")
    seq = conversations.grow(connection, who, conversation_id, conversations.to_title(content))
    if seq is None:
        raise Unknown("conversation", conversation_id)
    ahead = _active(connection, who, conversation_id)
    _require_room(ahead, policy)
    if ahead or owner is None:
        begin(connection, who, run_id, conversation_id, agent, message_id, "waiting")
    else:
        begin(connection, who, run_id, conversation_id, agent, message_id, "running", owner=owner)
    if policy == "interrupt":
        for one in ahead:
            connection.execute(_CANCEL, {"this_id": one, "at": now(), **access.bound(who)})
    turns = messages.turns_before(connection, who, conversation_id, seq, last) if seq > 1 else []
    details: messages.Details = {"attachments": [dict(one) for one in attachments]} if attachments else {}
    messages.add(
        connection, who, conversation_id, seq, "user", content, id=message_id, run_id=run_id, details=details
    )
    return Accepted(run_id, message_id, conversation_id, turns, ahead)


def _require_room(ahead: Sequence[str], policy: Policy) -> None:
    """Raise ConversationBusy for a message that may not wait behind these runs."""
    if ahead and policy == "reject":
        raise ConversationBusy(
            f"Run {ahead[0]} is still answering in this conversation. Wait for its end, cancel it, or send "
            '"multitask_strategy": "enqueue" or "interrupt" with the message.'
        )
    if policy == "enqueue" and len(ahead) > MOST_WAITING:
        raise ConversationBusy(
            f"{len(ahead) - 1} messages wait in this conversation already; the limit is {MOST_WAITING}. "
            "Send this one when some are answered."
        )


def begin(
    connection: Connection,
    who: Identity,
    run_id: str,
    conversation_id: str,
    agent: str,
    message_id: str,
    status: RunStatus,
    follows: str | None = None,
    *,
    owner: str = "",
    thread: str = "",
) -> bool:
    """Insert a run; False where another runs in the conversation or follows the same run."""
    row = {
        **access.row_of(who, run_id),
        "conversation_id": conversation_id,
        "department": who.department,
        "role": who.role,
        "groups": list(who.groups),
        "key_id": who.key,
        "agent": agent,
        "status": status,
        "message_id": message_id,
        "follows": follows,
        "thread": thread or run_id,
        "owner": owner,
        "attempts": 1 if status == "running" else 0,
        "created_at": now(),
    }
    added = add_unless_there(connection.dialect.name, runs)
    return connection.execute(added, row).first() is not None


@reads
def get(connection: Connection, who: Identity, id: str) -> Run:
    """Return the run; raises Unknown."""
    return _get(connection, who, id)


@reads
def of_conversation(connection: Connection, who: Identity, conversation_id: str) -> list[str]:
    """Return the ids of the conversation's runs; none for a conversation that is not the caller's."""
    r = runs.c
    found = select(r.id).where(access.own(runs, who), r.conversation_id == conversation_id)
    return list(connection.execute(found).scalars())


@writes
def ask_to_cancel(connection: Connection, who: Identity, id: str) -> Run:
    """Note that a person wants the run to end and return it: whoever owns it, now or after a death, ends it."""
    connection.execute(_CANCEL, {"this_id": id, "at": now(), **access.bound(who)})
    return _get(connection, who, id)


def _active(connection: Connection, who: Identity, conversation_id: str) -> tuple[str, ...]:
    """Return the runs that answer or wait in the conversation, oldest first."""
    this = {"this_conversation": conversation_id, **access.bound(who)}
    found = connection.execute(_UNFINISHED, this)
    return tuple(row.id for row in found if row.status in ACTIVE)


def _get(connection: Connection, who: Identity, id: str) -> Run:
    row = connection.execute(_ONE, {"this_id": id, **access.bound(who)}).mappings().first()
    if row is None:
        raise Unknown("run", id)
    return cast(Run, dict(row))


_ONE = select(*(runs.c[name] for name in Run.__annotations__)).where(
    access.own_bound(runs), runs.c.id == bindparam("this_id")
)
_UNFINISHED = (
    select(runs.c.id, runs.c.status)
    .where(access.own_bound(runs), runs.c.conversation_id == bindparam("this_conversation"))
    .where(runs.c.finished_at.is_(None))
    .order_by(runs.c.created_at, runs.c.id)
)
_CANCEL = (
    update(runs)
    .where(access.own_bound(runs), runs.c.id == bindparam("this_id"))
    .where(runs.c.finished_at.is_(None), runs.c.cancelled_at.is_(None))
    .values(cancelled_at=bindparam("at"))
)
