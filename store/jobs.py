"""Ingest jobs: how far each is, and what it came to."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, cast

from sqlalchemy import ColumnElement, Connection, insert, select, update

from contracts.errors import Unknown
from contracts.identity import Identity
from store import access
from store.engine import reads, writes
from store.ids import id_for, now
from store.paging import Page, page
from store.tables import jobs

Status = Literal["running", "completed", "failed"]


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
def create(connection: Connection, who: Identity, sources: Sequence[str], total: int = 0) -> Job:
    """Return a new, running job."""
    at = now()
    state = {"sources": list(sources), "status": "running", "done": 0, "total": total, "current": ""}
    id = id_for("job")
    row = {**access.row_of(who, id), **state, "error": "", "created_at": at, "updated_at": at}
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
    status: Literal["completed", "failed"],
    outcome: Mapping[str, Any] | None = None,
    error: str = "",
) -> Job:
    """End a running job and return it; one that has ended stays as it is. Raises Unknown."""
    changes = {"status": status, "outcome": dict(outcome) if outcome else None, "error": error}
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
def abandon(connection: Connection, but: Sequence[str] = ()) -> int:
    """Fail every tenant's running jobs but those named, and return how many: for boot, when none can be running."""
    error = "The server stopped during this job. Start it again; what is indexed already is kept."
    running = update(jobs).where(jobs.c.status == "running", jobs.c.id.not_in(but))
    return connection.execute(running.values(status="failed", error=error, updated_at=now())).rowcount


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
