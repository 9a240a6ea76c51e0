"""Documents whose readers are being changed: the database says so first, the index a moment later.

A row stands until the index says what the database says. While it does, nobody else changes the document, and nobody
sees one that fewer may read than before. What a process that died has left, the next `settle` does.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, true, update

from contracts.documents import edition_of
from contracts.identity import Identity
from store.dialect import insert_into
from store.documents import Entry, regroup
from store.engine import reads, writes
from store.ids import now, to_time
from store.tables import documents, editions, regroups

DEAD_S: Final = 60.0
"""Seconds after which the process that changes a document is taken to be dead."""


@writes
def begin(
    connection: Connection,
    who: Identity,
    id: str,
    groups: Sequence[str],
    owner: str,
    living: Collection[str] = (),
) -> Entry | None:
    """Set in the database who may read the document, and return it: the index is to follow. Raises Unknown.

    None where somebody else is changing the document: try again in a moment.
    """
    d = documents.c
    this = and_(d.tenant == who.tenant, d.id == id)
    was = connection.execute(select(d.source, d.groups).where(this).with_for_update()).first()
    if was is not None and changing(connection, who.tenant, owner, [was.source], living):
        return None
    entry = regroup(connection, who, id, groups)
    fewer = was is not None and bool(groups) and not set(was.groups or ("*",)) <= set(groups)
    note(connection, who.tenant, owner, [entry["source"]], hides=fewer)
    return entry


@reads
def wanted(connection: Connection, tenant: str, source: str) -> list[str] | None:
    """Return who may read the document; None where it is gone."""
    return _wanted(connection, tenant, source)


@writes
def done(connection: Connection, tenant: str, source: str, owner: str, groups: Sequence[str] | None) -> bool:
    """Note that the index says these groups; False where they are others by now."""
    if _wanted(connection, tenant, source, lock=True) != groups:
        return False
    end(connection, tenant, owner, [source])
    return True


@writes
def claim(
    connection: Connection, owner: str, living: Collection[str], *, alone: bool
) -> list[tuple[str, str]]:
    """Take over what nobody is doing any more, of every tenant: tenant and source.

    `living`: the process's changes; `alone`: all other processes are dead.
    """
    r, process = regroups.c, owner.partition(".")[0]
    dead = true() if alone else or_(r.owner.like(f"{process}.%"), r.at < before(DEAD_S))
    left = update(regroups).where(r.owner.not_in(list(living)), dead).values(owner=owner, at=now())
    return [(row.tenant, row.source) for row in connection.execute(left.returning(r.tenant, r.source))]


def note(
    connection: Connection, tenant: str, owner: str, sources: Iterable[str], *, hides: bool = False
) -> None:
    """Note within a transaction that the index may say other groups than the database; what was hidden stays so."""
    row = {"tenant": tenant, "owner": owner, "at": now(), "hides": hides}
    rows = [{**row, "source": source} for source in sorted(sources)]
    if rows:
        r, added = regroups.c, insert_into(connection, regroups)
        changes = {"owner": added.excluded.owner, "at": added.excluded.at}
        changes["hides"] = or_(r.hides, added.excluded.hides)
        connection.execute(
            added.on_conflict_do_update(index_elements=[r.tenant, r.source], set_=changes), rows
        )


def end(connection: Connection, tenant: str, owner: str, sources: Collection[str]) -> None:
    """Drop the change's notes within a transaction."""
    r = regroups.c
    mine = and_(r.tenant == tenant, r.source.in_(list(sources)), r.owner == owner)
    connection.execute(delete(regroups).where(mine))


def hidden(connection: Connection, tenant: str) -> list[str]:
    """Return the editions that the index may show to people who may not read them any more."""
    d, r = documents.c, regroups.c
    both = regroups.join(documents, and_(d.tenant == r.tenant, d.source == r.source))
    found = select(d.source, d.sha256, d.groups).select_from(both).where(r.tenant == tenant, r.hides)
    return [edition_of(tenant, row.source, row.sha256) for row in connection.execute(found) if row.groups]


def changing(
    connection: Connection, tenant: str, owner: str, sources: Collection[str], living: Collection[str]
) -> bool:
    """Tell whether somebody who lives is writing one of these documents, or changes who may read it."""
    e, r = editions.c, regroups.c
    writing = and_(e.tenant == tenant, e.source.in_(list(sources)), e.state == "pending")
    asked = select(e.source).where(writing, lives(e.owner, e.at, owner, living))
    if connection.execute(asked.limit(1)).first() is not None:
        return True
    other = and_(r.tenant == tenant, r.source.in_(list(sources)), lives(r.owner, r.at, owner, living))
    return connection.execute(select(r.source).where(other).limit(1)).first() is not None


def lives(
    theirs: ColumnElement[str], at: ColumnElement[str], owner: str, living: Collection[str]
) -> ColumnElement[bool]:
    """Return the condition that a row is of another change, and of one that is not dead."""
    others = or_(theirs.in_(list(living)), theirs.not_like(f"{owner.partition('.')[0]}.%"))
    return and_(theirs != owner, others, at >= before(DEAD_S))


def before(seconds: float) -> str:
    """Return the time so many seconds ago, as the tables have it."""
    return to_time(datetime.now(UTC) - timedelta(seconds=seconds))


def _wanted(connection: Connection, tenant: str, source: str, *, lock: bool = False) -> list[str] | None:
    d = documents.c
    asked = select(d.groups).where(d.tenant == tenant, d.source == source)
    row = connection.execute(asked.with_for_update() if lock else asked).first()
    return None if row is None else row.groups
