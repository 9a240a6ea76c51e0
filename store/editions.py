"""Documents that are changed as a whole: what is being written, what has just been, and what is on its way out.

An edition is one version of one document (contracts.documents.edition_of); its points in the index carry its name. Here
stands which editions are not to be seen although their points are there. One transaction, `commit`, makes the new
edition visible and the old one invisible for every reader of every process; without a row, an edition is simply there.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from sqlalchemy import Connection, and_, delete, select, update

from contracts.documents import edition_of
from store import regroups
from store.dialect import insert_into
from store.documents import Indexed, put_all, versions_of
from store.engine import reads, writes
from store.ids import now
from store.regroups import DEAD_S, before
from store.tables import documents, editions, erasures

State = Literal["pending", "fresh", "retired", "removing", "regrouping"]
"""`pending`: being written, not to be seen. `fresh`: has just become visible. `retired`: no longer to be seen.
`removing`: retired, and a process is taking its points away. `regrouping`: not to be seen until the index says who may
read it (store/regroups.py)."""

HIDDEN: Final = frozenset({"pending", "retired", "removing", "regrouping"})


class Taken(Exception):
    """Another process has taken the change over: what was written is not to become visible."""


class Regrouped(Exception):
    """Somebody changed who may read these documents meanwhile: source and groups."""

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        super().__init__(", ".join(groups))
        self.groups = groups


@reads
def listing(connection: Connection, tenant: str) -> dict[str, State]:
    """Return the editions of the tenant that are being changed; usually none."""
    rows = connection.execute(select(editions.c.id, editions.c.state).where(editions.c.tenant == tenant))
    states: dict[str, State] = {row.id: row.state for row in rows}
    for id in regroups.hidden(connection, tenant):
        states[id] = "regrouping"
    return states


@writes
def begin(
    connection: Connection, tenant: str, owner: str, versions: Mapping[str, str], living: Collection[str] = ()
) -> dict[str, list[str]] | None:
    """Hide the new versions of these sources, and return the groups that the documents have now.

    None where somebody else is changing one of them: try again in a moment. What a dead process left of them is taken
    over or retired. `owner` is the process and its change, `process.7`; `living`: the process's other changes.
    """
    d = documents.c
    there = select(d.source, d.groups).where(d.tenant == tenant, d.source.in_(list(versions)))
    locked = connection.execute(there.order_by(d.source).with_for_update()).all()
    new = {edition_of(tenant, source, version): source for source, version in versions.items()}
    if _others(connection, tenant, owner, versions, new, living):
        return None
    e, at = editions.c, now()
    left = and_(e.tenant == tenant, e.source.in_(list(versions)), e.state == "pending", e.id.not_in(new))
    connection.execute(update(editions).where(left).values(state="retired", at=at))
    seen = versions_of(connection, tenant, list(versions))
    hide = {id: source for id, source in new.items() if seen.get(source) != versions[source]}
    _put(connection, _rows(tenant, hide, "pending", owner))
    regroups.note(connection, tenant, owner, versions.keys() - set(hide.values()))
    return {row.source: row.groups for row in locked}


@reads
def kept(connection: Connection, tenant: str, sources: Collection[str]) -> set[str]:
    """Return the editions of these sources that are known: seen now, being written, or about to be removed."""
    e = editions.c
    changing = select(e.id).where(e.tenant == tenant, e.source.in_(list(sources)))
    found = set(connection.execute(changing).scalars())
    seen = versions_of(connection, tenant, sources)
    return found | {edition_of(tenant, source, version) for source, version in seen.items()}


@writes
def commit(
    connection: Connection,
    tenant: str,
    owner: str,
    indexed: Sequence[Indexed],
    keep: Collection[str] = (),
    *,
    fresh: bool = True,
) -> int:
    """Make these documents what is seen, all at once, and return how many editions they replace.

    `keep`: sources whose groups were not chosen by this change but are those of `begin`. `fresh`: other readers may be
    at work that have not heard of the change. Raises Taken, and Regrouped where the groups of one have changed since.
    """
    new = {edition_of(tenant, one["source"], one["sha256"]): one["source"] for one in indexed}
    seen = versions_of(connection, tenant, list(new.values()))
    old = {edition_of(tenant, source, version): source for source, version in seen.items()}
    _require_mine(connection, tenant, owner, new.keys() - old.keys())
    _require_groups(connection, tenant, [one for one in indexed if one["source"] in keep])
    e, at = editions.c, now()
    gone = {id: source for id, source in old.items() if id not in new}
    _put(connection, _rows(tenant, gone, "retired", owner))
    these = and_(e.tenant == tenant, e.id.in_(list(new)))
    if fresh:
        connection.execute(update(editions).where(these).values(state="fresh", at=at))
    else:
        connection.execute(delete(editions).where(these))
    x = erasures.c
    back = and_(x.tenant == tenant, x.source.in_(list(new.values())), x.done)
    connection.execute(delete(erasures).where(back))
    put_all(connection, tenant, indexed)
    regroups.end(connection, tenant, owner, list(new.values()))
    return len(gone)


@writes
def retire(connection: Connection, tenant: str, owner: str, sources: Collection[str]) -> int:
    """Delete the documents of these sources: from here on nobody sees them. Return how many there were.

    What is left of them elsewhere is for `erasures` to say.
    """
    at = now()
    old = versions_of(connection, tenant, sources)
    gone = {edition_of(tenant, source, version): source for source, version in old.items()}
    _put(connection, _rows(tenant, gone, "retired", owner))
    d = documents.c
    connection.execute(delete(documents).where(d.tenant == tenant, d.source.in_(list(old))))
    if old:
        change = {"at": at, "done": False}
        rows = [{"tenant": tenant, "source": source, **change} for source in sorted(old)]
        x = erasures.c
        added = insert_into(connection, erasures)
        again = added.on_conflict_do_update(index_elements=[x.tenant, x.source], set_=change)
        connection.execute(again, rows)
    return len(old)


@writes
def claim(connection: Connection, process: str, grace: float, *, alone: bool) -> dict[str, list[str]]:
    """Take over the removal of what nobody sees any more, of every tenant: by tenant, the editions.

    What has been retired for `grace` seconds, and what dead processes left half-written or half-removed; `alone`: all
    other processes are dead.
    """
    e = editions.c
    over, dead = before(grace), before(DEAD_S)
    abandoned = e.owner.not_like(f"{process}.%") if alone else e.at < dead
    left = and_(e.state.in_(("pending", "removing")), abandoned)
    connection.execute(update(editions).where(left).values(state="retired"))
    connection.execute(delete(editions).where(e.state == "fresh", e.at < over))
    mine = update(editions).where(e.state == "retired", e.at < over)
    rows = connection.execute(
        mine.values(state="removing", owner=f"{process}.", at=now()).returning(e.tenant, e.id)
    ).all()
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.tenant, []).append(row.id)
    return found


@writes
def abandon(connection: Connection, tenant: str, owner: str) -> None:
    """Give up a change that did not come to its end: what it has written is removed, and nobody sees it."""
    e = editions.c
    mine = and_(e.tenant == tenant, e.owner == owner, e.state == "pending")
    connection.execute(update(editions).where(mine).values(state="retired", at=now()))


@writes
def forget(connection: Connection, tenant: str, process: str, ids: Collection[str]) -> None:
    """Note that the points of these editions are gone."""
    e = editions.c
    mine = and_(e.tenant == tenant, e.id.in_(list(ids)), e.state == "removing", e.owner == f"{process}.")
    connection.execute(delete(editions).where(mine))


@reads
def waiting(connection: Connection) -> int:
    """Return how many editions, of every tenant, are not settled yet."""
    return len(connection.execute(select(editions.c.id)).all())


def _others(
    connection: Connection,
    tenant: str,
    owner: str,
    sources: Collection[str],
    new: Collection[str],
    living: Collection[str],
) -> bool:
    """Tell whether somebody who lives is writing one of these sources, or removing what is to be written."""
    e = editions.c
    going = and_(e.tenant == tenant, e.at >= before(DEAD_S), e.state == "removing", e.id.in_(list(new)))
    if connection.execute(select(e.id).where(going).limit(1)).first() is not None:
        return True
    return regroups.changing(connection, tenant, owner, sources, living)


def _require_mine(connection: Connection, tenant: str, owner: str, new: Collection[str]) -> None:
    e = editions.c
    mine = and_(e.tenant == tenant, e.id.in_(list(new)), e.state == "pending", e.owner == owner)
    if len(connection.execute(select(e.id).where(mine)).all()) < len(new):
        raise Taken


def _require_groups(connection: Connection, tenant: str, indexed: Sequence[Indexed]) -> None:
    d = documents.c
    there = select(d.source, d.groups).where(d.tenant == tenant, d.source.in_([o["source"] for o in indexed]))
    now_there = {row.source: row.groups for row in connection.execute(there)}
    other = {
        one["source"]: now_there[one["source"]]
        for one in indexed
        if one["source"] in now_there and list(now_there[one["source"]]) != list(one["groups"])
    }
    if other:
        raise Regrouped(other)


def _rows(tenant: str, named: Mapping[str, str], state: State, owner: str) -> list[dict[str, str]]:
    at = now()
    same = {"tenant": tenant, "state": state, "owner": owner, "at": at}
    return [{**same, "id": id, "source": source} for id, source in named.items()]


def _put(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows in the order of their ids: two writers of the same ones wait for each other, never for both."""
    if not rows:
        return
    e = editions.c
    added = insert_into(connection, editions)
    changes = {name: added.excluded[name] for name in ("source", "state", "owner", "at")}
    said = added.on_conflict_do_update(index_elements=[e.tenant, e.id], set_=changes)
    connection.execute(said, sorted(rows, key=lambda row: row["id"]))
