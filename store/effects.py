"""What a run has done to the world outside: noted before, and its result after, so that it is done once."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, select, update
from sqlalchemy.exc import IntegrityError

from contracts.errors import Unknown
from contracts.identity import Identity
from store.dialect import insert_into
from store.engine import writes
from store.ids import now
from store.tables import effects


class Effect(NamedTuple):
    """One effect as it is recorded."""

    done: bool
    """False where it was begun and its result is not known: it may or may not have happened."""
    result: Any


@writes
def begin(connection: Connection, who: Identity, thread: str, step: str, number: int, kind: str) -> Effect:
    """Note that the effect begins, and return what is recorded of it. Raises Unknown for a run that is gone."""
    row = {"tenant": who.tenant, "run_id": thread, "step": step, "number": number}
    noted = insert_into(connection, effects).values(**row, kind=kind, begun_at=now())
    try:
        connection.execute(noted.on_conflict_do_nothing())
    except IntegrityError as gone:
        raise Unknown("run", thread) from gone
    return _recorded(connection, _this(who, thread, step, number)) or Effect(False, None)


@writes
def finish(connection: Connection, who: Identity, thread: str, step: str, number: int, result: Any) -> Effect:
    """Record the result, a JSON value, and return what is recorded: the first result stays."""
    this = _this(who, thread, step, number)
    done = update(effects).where(this, effects.c.done_at.is_(None))
    connection.execute(done.values(result=result, done_at=now()))
    return _recorded(connection, this) or Effect(True, result)


def _this(who: Identity, thread: str, step: str, number: int) -> ColumnElement[bool]:
    e = effects.c
    return and_(e.tenant == who.tenant, e.run_id == thread, e.step == step, e.number == number)


def _recorded(connection: Connection, this: ColumnElement[bool]) -> Effect | None:
    row = connection.execute(select(effects.c.done_at, effects.c.result).where(this)).first()
    return None if row is None else Effect(row.done_at is not None, row.result)
