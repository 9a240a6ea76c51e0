"""The way of a run: accepted, finished, and looked up. `store.line` has those that wait or were cut off."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, cast

from sqlalchemy import Connection, bindparam, select, update

from contracts.errors import ConversationBusy, Unknown
from contracts.events import RunStatus
from contracts.identity import Identity
from contracts.state import Action, Citation, Decision, Passage, Turn, Usage
from store import access, conversations, decisions, messages, usage
from store.dialect import add_unless_there
from store.engine import reads, writes
from store.ids import id_for, now
from store.tables import ACTIVE, runs


class Accepted(NamedTuple):
    """A question that is committed, and what its run needs to begin."""

    run_id: str
    message_id: str
    conversation_id: str
    turns: list[Turn]
    """The messages before the question, oldest first."""


class Finished(NamedTuple):
    """What `finish` did."""

    first: bool
    """False where the run had been finished before; then nothing was changed."""
    message_id: str
    """The answer's message."""
    next_run: str | None
    """The run that now waits in line to answer the same question; only after `queued`."""


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
    """How often it was begun; 1 unless a process died in it."""
    error: dict[str, Any] | None
    created_at: str
    finished_at: str | None


class Outcome(TypedDict, total=False):
    """What a run came to, as far as it got."""

    decision: Decision | None
    citations: Sequence[Citation]
    sources: Sequence[Passage]
    usage: Usage | None
    actions: Sequence[Action]
    error: Mapping[str, Any] | None
    inputs: Mapping[str, Any]
    """The figures that the decision was made from."""
    policy_version: str
    next_run: str
    """For `queued`: the id from `line.line_up`; without it the run in the line gets a new one."""


@writes
def accept(
    connection: Connection,
    who: Identity,
    conversation_id: str,
    agent: str,
    content: str,
    attachments: Sequence[Mapping[str, Any]] = (),
    *,
    last: int = messages.TURNS,
) -> Accepted:
    """Commit a question and its run, and return them with the `last` messages before it.

    Raises Unknown for a conversation that is not the caller's, ConversationBusy while a run is active in it.
    """
    run_id, message_id = id_for("run"), id_for("msg")
    seq = conversations.grow(connection, who, conversation_id, conversations.to_title(content))
    if seq is None:
        raise Unknown("conversation", conversation_id)
    if (busy := _active(connection, who, conversation_id)) or not begin(
        connection, who, run_id, conversation_id, agent, message_id, "running"
    ):
        raise ConversationBusy(
            f"Run {busy} is still answering in this conversation. Wait for its end, or cancel it."
        )
    turns = messages.turns_before(connection, who, conversation_id, seq, last) if seq > 1 else []
    details: messages.Details = {"attachments": [dict(one) for one in attachments]} if attachments else {}
    messages.add(
        connection, who, conversation_id, seq, "user", content, id=message_id, run_id=run_id, details=details
    )
    return Accepted(run_id, message_id, conversation_id, turns)


def begin(
    connection: Connection,
    who: Identity,
    run_id: str,
    conversation_id: str,
    agent: str,
    message_id: str,
    status: RunStatus,
    follows: str | None = None,
) -> bool:
    """Insert a run; False where another is active in the conversation or follows the same run."""
    row = {
        **access.row_of(who, run_id),
        "conversation_id": conversation_id,
        "department": who.department,
        "role": who.role,
        "key_id": who.key,
        "agent": agent,
        "status": status,
        "message_id": message_id,
        "follows": follows,
        "thread": run_id,
        "owner": "",
        "attempts": 1 if status == "running" else 0,
        "created_at": now(),
    }
    added = add_unless_there(connection.dialect.name, runs)
    return connection.execute(added, row).first() is not None


@reads
def get(connection: Connection, who: Identity, id: str) -> Run:
    """Return the run; raises Unknown."""
    r = runs.c
    shown = select(*(r[name] for name in Run.__annotations__))
    row = connection.execute(shown.where(access.own(runs, who), r.id == id)).mappings().first()
    if row is None:
        raise Unknown("run", id)
    return cast(Run, dict(row))


@reads
def of_conversation(connection: Connection, who: Identity, conversation_id: str) -> list[str]:
    """Return the ids of the conversation's runs; none for a conversation that is not the caller's."""
    r = runs.c
    found = select(r.id).where(access.own(runs, who), r.conversation_id == conversation_id)
    return list(connection.execute(found).scalars())


@writes
def finish(
    connection: Connection, who: Identity, run_id: str, status: RunStatus, text: str, outcome: Outcome
) -> Finished:
    """Commit a run's end: the answer's message, the decision, the usage and the status.

    A second call changes nothing. Raises Unknown for a run that is not the caller's.
    """
    if status in ACTIVE:
        raise ValueError(f"{status} is not an end")
    answer_id = id_for("msg")
    run = _end(connection, who, run_id, status, answer_id, outcome.get("error"))
    if run is None:
        return _finished_before(connection, who, run_id)
    place = run["conversation_id"]
    seq = conversations.grow(connection, who, place) or 0
    details = _details(outcome)
    messages.add(
        connection, who, place, seq, "assistant", text,
        id=answer_id, run_id=run_id, status=status, details=details,
    )  # fmt: skip
    if decision := outcome.get("decision"):
        inputs, version = outcome.get("inputs") or {}, outcome.get("policy_version", "")
        decisions.add(connection, who, run, decision, inputs, version)
    if used := outcome.get("usage"):
        usage.add(connection, who, run, used)
    next_run = None
    if status == "queued":
        next_run = outcome.get("next_run") or id_for("run")
        begin(connection, who, next_run, place, run["agent"], run["message_id"], "waiting", follows=run_id)
    return Finished(True, answer_id, next_run)


def _end(
    connection: Connection,
    who: Identity,
    run_id: str,
    status: RunStatus,
    answer_id: str,
    error: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    values = {"end": status, "answer": answer_id, "why": dict(error) if error else None, "at": now()}
    row = connection.execute(_END, {"this_id": run_id, **values, **access.bound(who)}).mappings().first()
    return dict(row) if row else None


def _finished_before(connection: Connection, who: Identity, run_id: str) -> Finished:
    found = select(runs.c.answer_id).where(access.own(runs, who), runs.c.id == run_id)
    answer = connection.execute(found).scalar()
    if answer is None:
        raise Unknown("run", run_id)
    following = select(runs.c.id).where(runs.c.tenant == who.tenant, runs.c.follows == run_id)
    return Finished(False, answer, connection.execute(following).scalar())


def _details(outcome: Outcome) -> messages.Details:
    kept = messages.Details.__annotations__
    return cast(messages.Details, {name: value for name, value in outcome.items() if name in kept and value})


def _active(connection: Connection, who: Identity, conversation_id: str) -> str | None:
    """Return the run that answers or waits in the conversation."""
    this = {"this_conversation": conversation_id, **access.bound(who)}
    found = connection.execute(_UNFINISHED, this)
    return next((row.id for row in found if row.status in ACTIVE), None)


_UNFINISHED = select(runs.c.id, runs.c.status).where(
    access.own_bound(runs),
    runs.c.conversation_id == bindparam("this_conversation"),
    runs.c.finished_at.is_(None),
)
_END = (
    update(runs)
    .where(access.own_bound(runs), runs.c.id == bindparam("this_id"), runs.c.finished_at.is_(None))
    .values(status=bindparam("end"), answer_id=bindparam("answer"), error=bindparam("why"))
    .values(finished_at=bindparam("at"))
    .returning(runs.c.id, runs.c.conversation_id, runs.c.agent, runs.c.message_id)
)
