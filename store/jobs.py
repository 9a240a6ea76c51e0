"""Ingest jobs: how far each is, and what it came to."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypedDict, cast

from sqlalchemy import ColumnElement, Connection, insert, select, text, update

from contracts.errors import Unknown
from contracts.identity import Identity
from store import access
from store.engine import reads, writes
from store.ids import id_for, now
from store.paging import Page, page
from store.tables import jobs

Status = Literal["running", "completed", "failed", "cancelled"]


class Job(TypedDict):
    """One ingest job."""

    id: str
    user: str
    sources: list[str]
    status: Status
    done: int
    total: int
    """0 while it is not known."""
    current: str
    """The source being read."""
    outcome: dict[str, Any] | None
    """What `ingest --json` ends with, once it has ended."""
    error: str
    created_at: str
    updated_at: str


@writes
def create(
    connection: Connection, who: Identity, sources: Sequence[str], total: int = 0, owner: str = ""
) -> Job:
    """Return a new, running job of the process `owner`."""
    at = now()
    state = {"sources": list(sources), "status": "running", "done": 0, "total": total, "current": ""}
    id = id_for("job")
    row = {**access.row_of(who, id), **state, "error": "", "created_at": at, "updated_at": at, "owner": owner}
    connection.execute(insert(jobs), row)
    return _require(connection, who, id)


@writes
def progress(
    connection: Connection, who: Identity, id: str, done: int, total: int, current: str = ""
) -> None:
    """Note how far a running job is; one that has ended stays as it is."""
    changes = {"done": done, "total": total, "current": current, "updated_at": now()}
    connection.execute(update(jobs).where(_this(who, id), jobs.c.status == "running").values(changes))


@writes
def finish(
    connection: Connection,
    who: Identity,
    id: str,
    status: Literal["completed", "failed", "cancelled"],
    outcome: Mapping[str, Any] | None = None,
    error: str = "",
) -> Job:
    """End a running job and return it; one that has ended stays as it is. A completed one has done its total.

    Raises Unknown.
    """
    changes: dict[str, Any] = {
        "status": status,
        "outcome": dict(outcome) if outcome else None,
        "error": error,
    }
    if status == "completed":
        changes["done"] = jobs.c.total
    running = update(jobs).where(_this(who, id), jobs.c.status == "running")
    connection.execute(running.values(**changes, current="", updated_at=now()))
    return _require(connection, who, id)


@reads
def get(connection: Connection, who: Identity, id: str) -> Job:
    """Return the job; raises Unknown."""
    return _require(connection, who, id)


@reads
def listing(connection: Connection, who: Identity, limit: int = 50, cursor: str | None = None) -> Page[Job]:
    """Return a page of jobs, newest first: an overseer's tenant's, else the caller's own."""
    query = select(*_SHOWN).where(access.visible(jobs, who))
    scope = ["jobs", *access.mark(who)]
    return cast(Page[Job], page(connection, query, [jobs.c.id], scope, limit=limit, cursor=cursor))


@writes
def claim(connection: Connection, ids: Collection[str], owner: str) -> set[str]:
    """Make the jobs the process's own and return those that are still running."""
    j = jobs.c
    mine = update(jobs).where(j.id.in_(ids), j.status == "running").values(owner=owner)
    return set(connection.execute(mine.returning(j.id)).scalars())


@reads
def owners(connection: Connection) -> set[str]:
    """Return the processes that have running jobs, of every tenant."""
    return set(connection.execute(_OWNERS).scalars())


@writes
def abandon(connection: Connection, lost: Collection[str]) -> int:
    """Fail the running jobs of processes that are no more, of every tenant, and return how many."""
    error = "The server that had this file has stopped, and no other has the file. Upload it again."
    running = update(jobs).where(jobs.c.status == "running", jobs.c.owner.in_(lost))
    return connection.execute(running.values(status="failed", error=error, updated_at=now())).rowcount


_OWNERS = select(jobs.c.owner).where(jobs.c.status == text("'running'")).distinct()


_SHOWN = tuple(
    jobs.c.user_id.label("user") if name == "user" else jobs.c[name] for name in Job.__annotations__
)


def _this(who: Identity, id: str) -> ColumnElement[bool]:
    return access.visible(jobs, who) & (jobs.c.id == id)


def _require(connection: Connection, who: Identity, id: str) -> Job:
    row = connection.execute(select(*_SHOWN).where(_this(who, id))).mappings().first()
    if row is None:
        raise Unknown("job", id)
    return cast(Job, dict(row))
