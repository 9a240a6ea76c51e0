"""Runs that wait in line, and runs that a dead process left behind.

`unfinished` and `next_waiting` serve every tenant: they are for the process that answers, not for requests.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, tuple_, update

from contracts.errors import Unknown
from contracts.identity import Identity
from contracts.state import Turn
from store import access
from store.engine import reads, writes
from store.ids import id_for
from store.messages import turns_before
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
    queued: bool
    """It has waited in the line."""


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


@writes
def next_waiting(connection: Connection) -> Pending | None:
    """Take the run that has waited longest out of the line and return it; None when nobody waits.

    It is `running` from here on. Two processes never take the same one.
    """
    r = table.c
    longest = select(r.tenant, r.id).where(r.status == "waiting").order_by(r.created_at, r.id).limit(1)
    row = connection.execute(longest.with_for_update(skip_locked=True)).first()
    return None if row is None else _take(connection, row.tenant, row.id)


@writes
def unfinished(connection: Connection) -> list[Pending]:
    """Count one more attempt for each run that was begun and never finished, and return them, oldest first.

    For the boot of the only process that answers; with several, call it under a lock and while none runs.
    """
    r = table.c
    left = select(r.tenant, r.id).where(r.finished_at.is_(None), r.status != "waiting")
    rows = connection.execute(left.order_by(r.created_at, r.id).with_for_update()).all()
    return [_take(connection, row.tenant, row.id) for row in rows]


def _waiting(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(which)).scalar_one()


def _take(connection: Connection, tenant: str, id: str) -> Pending:
    this = and_(table.c.tenant == tenant, table.c.id == id)
    connection.execute(update(table).where(this).values(status="running", attempts=table.c.attempts + 1))
    row = connection.execute(_questions().where(this)).one()
    who = Identity(row.tenant, row.user_id, row.department, row.role, row.key_id)
    return Pending(
        run_id=row.id,
        who=who,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        agent=row.agent,
        question=row.content,
        attachments=row.details.get("attachments", []),
        turns=turns_before(connection, who, row.conversation_id, row.seq),
        attempts=row.attempts,
        queued=row.follows is not None,
    )


def _questions() -> Select[*tuple[Any, ...]]:
    m = messages.c
    asked = and_(m.tenant == table.c.tenant, m.id == table.c.message_id)
    return select(table, m.content, m.details, m.seq).join(messages, asked)
