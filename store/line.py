"""Runs that wait in line, and runs that a dead process left behind.

All but `line_up` and `position` serve every tenant: they are for the processes that answer, not for requests.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select, tuple_, update

from contracts.errors import Unknown
from contracts.identity import Identity
from contracts.state import Turn
from store import access
from store.engine import reads, writes
from store.ids import id_for, to_time
from store.interrupts import response_to
from store.messages import turns_around
from store.tables import messages
from store.tables import runs as table


@dataclass(frozen=True, slots=True)
class Pending:
    """A run that is to be answered now, with all that it needs to begin."""

    run_id: str
    who: Identity
    conversation_id: str
    message_id: str
    agent: str
    question: str
    attachments: list[dict[str, Any]]
    turns: list[Turn]
    """The messages before the question, oldest first."""
    attempts: int
    """This attempt's number, from 1."""
    deaths: int
    """Processes that died in it."""
    thread: str
    """The run whose checkpoints it goes on from."""
    cancelled: bool
    """A person has asked for its end meanwhile."""
    response: dict[str, Any] | None
    """What a person said to what its thread stopped for."""
    checkpoint: str
    """Where it stopped."""
    queued: bool
    """It has waited in the line."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended, and how."""

    run_id: str
    who: Identity
    status: str
    error: dict[str, Any] | None
    thread: str
    attempts: int


@reads
def line_up(connection: Connection, who: Identity, run_id: str) -> tuple[str, int]:
    """Return the id for the run that will answer in this one's place, and its place in the line, from 1.

    Nothing is written yet: `runs.finish` with status `queued` ends the one and lines the other up in a
    single transaction, so that a crash between leaves neither half. Raises Unknown.
    """
    found = select(table.c.id).where(access.own(table, who), table.c.id == run_id)
    if connection.execute(found).first() is None:
        raise Unknown("run", run_id)
    return id_for("run"), _waiting(connection, table.c.status == "waiting") + 1


@reads
def position(connection: Connection, who: Identity, run_id: str) -> int:
    """Return the run's place among all that wait, from 1; 0 when it waits no longer. Raises Unknown."""
    r = table.c
    mine = select(r.status, r.created_at, r.id).where(access.own(table, who), r.id == run_id)
    row = connection.execute(mine).first()
    if row is None:
        raise Unknown("run", run_id)
    if row.status != "waiting":
        return 0
    before = tuple_(r.created_at, r.id) <= tuple_(row.created_at, row.id)
    return _waiting(connection, and_(r.status == "waiting", before))


@reads
def following(connection: Connection, who: Identity, run_id: str) -> str | None:
    """Return the run that goes on in this one's place; None where none does."""
    this = and_(access.own(table, who), table.c.follows == run_id)
    return connection.execute(select(table.c.id).where(this)).scalar()


@writes
def next_waiting(connection: Connection, owner: str = "") -> Pending | None:
    """Take the run that has waited longest, in a conversation where none runs; None when nobody waits.

    It is `running` and the owner's from here on. Two processes never take the same one.
    """
    row = connection.execute(_NEXT).first()
    return None if row is None else _take(connection, row.tenant, row.id, owner)


@reads
def owners(connection: Connection) -> set[str]:
    """Return the processes that own runs; an empty name for runs that were handed over."""
    return set(connection.execute(_OWNERS).scalars())


@reads
def owned(connection: Connection, owner: str) -> set[str]:
    """Return the runs that the process owns and that have not ended."""
    mine = select(table.c.id).where(table.c.finished_at.is_(None), table.c.owner == owner)
    return set(connection.execute(mine.where(table.c.status == "running")).scalars())


@reads
def taken(connection: Connection, owner: str, run_ids: Collection[str]) -> set[str]:
    """Return those of the runs that belong to another process by now."""
    theirs = select(table.c.id).where(table.c.id.in_(run_ids), table.c.owner != owner)
    return set(connection.execute(theirs).scalars())


@reads
def unfinished(connection: Connection, run_ids: Collection[str]) -> set[str]:
    """Return those of the runs that have not ended, by whatever thread they go on."""
    r = table.c
    found = select(r.id, r.thread).where(
        r.finished_at.is_(None), or_(r.id.in_(run_ids), r.thread.in_(run_ids))
    )
    return {name for row in connection.execute(found) for name in row}


@reads
def known(connection: Connection, threads: Collection[str]) -> set[str]:
    """Return those of the threads that a run is there for; the others were deleted with their conversation."""
    r = table.c
    found = select(r.id, r.thread).where(or_(r.id.in_(threads), r.thread.in_(threads)))
    return {name for row in connection.execute(found) for name in row}


@reads
def ended(connection: Connection, threads: Collection[str], older_s: float) -> list[Ended]:
    """Return the runs of these threads that ended more than `older_s` seconds ago."""
    r = table.c
    before = to_time(datetime.now(UTC) - timedelta(seconds=older_s))
    found = select(table).where(or_(r.id.in_(threads), r.thread.in_(threads)), r.finished_at < before)
    return [
        Ended(row.id, _who(row), row.status, row.error, row.thread, row.attempts)
        for row in connection.execute(found)
    ]


@writes
def take_over(
    connection: Connection,
    owner: str,
    lost: Collection[str],
    run_ids: Collection[str] | None = None,
    most: int = 100,
) -> list[Pending]:
    """Take up to `most` runs of processes that are no more, oldest first; two processes never take the same one.

    Only those of `run_ids` where they are given. Each has one more attempt, and one more death unless its process
    handed it over or is the one that takes it.
    """
    r = table.c
    left = select(r.tenant, r.id, r.owner).where(r.finished_at.is_(None), r.status == "running")
    left = left.where(r.owner.in_(lost)).order_by(r.created_at, r.id).limit(most)
    if run_ids is not None:
        left = left.where(r.id.in_(run_ids))
    rows = connection.execute(left.with_for_update(skip_locked=True)).all()
    return [_take(connection, row.tenant, row.id, owner, died=row.owner not in {"", owner}) for row in rows]


@writes
def hand_over(connection: Connection, owner: str) -> int:
    """Leave the owner's runs to whoever takes them and return how many."""
    mine = and_(table.c.owner == owner, table.c.finished_at.is_(None), table.c.status == "running")
    return connection.execute(update(table).where(mine).values(owner="")).rowcount


def _waiting(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(which)).scalar_one()


def _take(connection: Connection, tenant: str, id: str, owner: str, *, died: bool = False) -> Pending:
    this = and_(table.c.tenant == tenant, table.c.id == id)
    more = {"attempts": table.c.attempts + 1, "deaths": table.c.deaths + int(died)}
    connection.execute(update(table).where(this).values(status="running", owner=owner, **more))
    row = connection.execute(_questions().where(this)).one()
    who = _who(row)
    response, checkpoint = response_to(connection, tenant, id) if row.thread != id else (None, "")
    return Pending(
        run_id=row.id,
        who=who,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        agent=row.agent,
        question=row.content,
        attachments=row.details.get("attachments", []),
        turns=turns_around(connection, who, row.conversation_id, row.message_id),
        attempts=row.attempts,
        deaths=row.deaths,
        thread=row.thread,
        cancelled=row.cancelled_at is not None,
        response=response,
        checkpoint=checkpoint,
        queued=row.follows is not None,
    )


def _who(row: Any) -> Identity:
    return Identity(row.tenant, row.user_id, row.department, row.role, row.key_id, tuple(row.groups))


def _questions() -> Select[*tuple[Any, ...]]:
    m = messages.c
    asked = and_(m.tenant == table.c.tenant, m.id == table.c.message_id)
    return select(table, m.content, m.details, m.seq).join(messages, asked)


_OTHER = table.alias("other")
_NEXT = (
    select(table.c.tenant, table.c.id)
    .where(table.c.status == "waiting", table.c.finished_at.is_(None))
    .where(
        ~exists()
        .where(_OTHER.c.tenant == table.c.tenant, _OTHER.c.conversation_id == table.c.conversation_id)
        .where(_OTHER.c.status == "running", _OTHER.c.finished_at.is_(None))
    )
    .order_by(table.c.created_at, table.c.id)
    .limit(1)
    .with_for_update(skip_locked=True, of=table)
)
_OWNERS = select(table.c.owner).where(table.c.finished_at.is_(None), table.c.status == "running").distinct()
