"""How a run ends: the answer's message, the decision, the usage and the status in one transaction.

A run's end is fenced by its attempt: who lost the run to another process meanwhile can no longer end it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, cast

from sqlalchemy import Connection, bindparam, or_, select, update

from contracts.errors import Unknown
from contracts.events import RunStatus
from contracts.identity import Identity
from contracts.state import Action, Citation, Decision, Passage, Usage
from store import access, conversations, decisions, interrupts, messages, quotes, usage
from store.engine import writes
from store.ids import id_for, now
from store.runs import begin
from store.tables import ACTIVE, PAUSED, runs

ANY = -1
"""Instead of an attempt: whichever it is."""


class Taken(Exception):
    """The run belongs to another process by now, which will end it."""


class Finished(NamedTuple):
    """What `finish` did."""

    first: bool
    """False where the run had been finished before; then nothing was changed."""
    message_id: str
    """The answer's message."""
    next_run: str | None
    """The run that goes on: it waits in the line after `queued`, for a person after `interrupted`."""
    interrupt: str | None = None
    """What a person is asked; only after `interrupted`."""


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
    rests_on: Sequence[str]
    """Documents that a standing answer was approved for, beside its passages."""
    next_run: str
    """For `queued`: the id from `line.line_up`; without it the run in the line gets a new one."""
    pause: interrupts.Pause
    """For `interrupted`: what the run stops for."""


@writes
def finish(
    connection: Connection,
    who: Identity,
    run_id: str,
    status: RunStatus,
    text: str,
    outcome: Outcome,
    attempt: int = ANY,
) -> Finished:
    """Commit a run's end: the answer's message, the decision, the usage and the status.

    A second call changes nothing. Raises Unknown for a run that is not the caller's, Taken for an attempt that is
    not its newest.
    """
    if status in ACTIVE:
        raise ValueError(f"{status} is not an end")
    answer_id = id_for("msg")
    run = _end(connection, who, run_id, status, answer_id, outcome.get("error"), attempt)
    if run is None:
        return _finished_before(connection, who, run_id)
    place = run["conversation_id"]
    seq = conversations.grow(connection, who, place) or 0
    details = _details(outcome)
    messages.add(
        connection, who, place, seq, "assistant", text,
        id=answer_id, run_id=run_id, status=status, details=details,
    )  # fmt: skip
    quotes.add(connection, who, answer_id, outcome)
    if decision := outcome.get("decision"):
        inputs, version = outcome.get("inputs") or {}, outcome.get("policy_version", "")
        decisions.add(connection, who, run, decision, inputs, version)
    if used := outcome.get("usage"):
        usage.add(connection, who, run, used)
    if status == "cancelled" and run["follows"]:
        interrupts.withdraw(connection, who, run_id)
    if status not in ("queued", "interrupted"):
        return Finished(True, answer_id, None)
    next_run, paused = outcome.get("next_run") or id_for("run"), outcome.get("pause")
    waits, thread = (PAUSED, run["thread"]) if paused else ("waiting", "")
    begin(
        connection, who, next_run, place, run["agent"], run["message_id"], cast(RunStatus, waits),
        follows=run_id, thread=thread,
    )  # fmt: skip
    asked = interrupts.pause(connection, who, run, next_run, paused) if paused else None
    return Finished(True, answer_id, next_run, asked)


def _end(
    connection: Connection,
    who: Identity,
    run_id: str,
    status: RunStatus,
    answer_id: str,
    error: Mapping[str, Any] | None,
    attempt: int,
) -> dict[str, Any] | None:
    values: dict[str, Any] = {"end": status, "answer": answer_id, "why": dict(error) if error else None}
    this = {"this_id": run_id, "attempt": attempt, "at": now(), **access.bound(who)}
    row = connection.execute(_END, {**this, **values}).mappings().first()
    return dict(row) if row else None


def _finished_before(connection: Connection, who: Identity, run_id: str) -> Finished:
    found = select(runs.c.answer_id).where(access.own(runs, who), runs.c.id == run_id)
    row = connection.execute(found).first()
    if row is None:
        raise Unknown("run", run_id)
    if row.answer_id is None:
        raise Taken(run_id)
    following = select(runs.c.id).where(runs.c.tenant == who.tenant, runs.c.follows == run_id)
    return Finished(False, row.answer_id, connection.execute(following).scalar())


def _details(outcome: Outcome) -> messages.Details:
    kept = messages.Details.__annotations__
    return cast(messages.Details, {name: value for name, value in outcome.items() if name in kept and value})


_END = (
    update(runs)
    .where(access.own_bound(runs), runs.c.id == bindparam("this_id"), runs.c.finished_at.is_(None))
    .where(or_(bindparam("attempt") == ANY, runs.c.attempts == bindparam("attempt")))
    .values(status=bindparam("end"), answer_id=bindparam("answer"), error=bindparam("why"))
    .values(finished_at=bindparam("at"))
    .returning(
        runs.c.id, runs.c.conversation_id, runs.c.agent, runs.c.message_id, runs.c.follows, runs.c.thread
    )
)
