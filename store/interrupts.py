"""What runs wait for from a person: a look at an answer before it is sent, or a yes to a tool call."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypedDict, cast

from sqlalchemy import Connection, and_, or_, select, update

from contracts.errors import Forbidden, NotOpen, Unknown
from contracts.identity import Identity
from store import access
from store.engine import reads, writes
from store.ids import id_for, now, to_time
from store.paging import Page, page
from store.tables import PAUSED, interrupts, runs

Status = Literal["open", "answered", "expired", "withdrawn"]


class Pause(TypedDict):
    """What a run stops for."""

    kind: Literal["approve_answer", "tool_call"]
    payload: Mapping[str, Any]
    """What the person is shown."""
    checkpoint: str
    """The checkpoint that the run goes on from."""
    expires_s: float


class Interrupt(TypedDict):
    """A pause as the API shows it."""

    id: str
    run_id: str
    """The run that stopped."""
    next_run: str
    """The run that goes on in its place."""
    conversation_id: str
    user: str
    agent: str
    kind: Literal["approve_answer", "tool_call"]
    payload: dict[str, Any]
    status: Status
    response: dict[str, Any] | None
    answered_by: str
    answered_at: str | None
    created_at: str
    expires_at: str


def pause(connection: Connection, who: Identity, run: Mapping[str, Any], next_run: str, why: Pause) -> str:
    """Note what the run stops for, within its end's transaction, and return the interrupt's id."""
    id, at = id_for("int"), datetime.now(UTC)
    connection.execute(
        interrupts.insert(),
        {
            **access.row_of(who, id),
            "run_id": run["id"],
            "next_run": next_run,
            "conversation_id": run["conversation_id"],
            "agent": run["agent"],
            "kind": why["kind"],
            "payload": dict(why["payload"]),
            "checkpoint": why["checkpoint"],
            "status": "open",
            "answered_by": "",
            "created_at": now(),
            "expires_at": to_time(at + timedelta(seconds=why["expires_s"])),
        },
    )
    return id


@writes
def answer(connection: Connection, who: Identity, run_id: str, response: Mapping[str, Any]) -> Interrupt:
    """Answer the open interrupt of a run, or of the run that goes on for it, and let that run begin.

    The asker may answer for tool calls, an overseer for all. Raises Unknown, Forbidden, and NotOpen for one that
    was answered, has expired or was withdrawn.
    """
    found = _require_answerable(connection, who, run_id)
    said = {"status": "answered", "response": {**response, "by": who.user}}
    said |= {"answered_by": who.user, "answered_at": now()}
    this = and_(interrupts.c.tenant == who.tenant, interrupts.c.id == found["id"])
    one = update(interrupts).where(this, interrupts.c.status == "open").values(said)
    if connection.execute(one).rowcount == 0:  # somebody was faster, between the two statements
        _require_open(_require(connection, who, run_id))
    _go_on(connection, who.tenant, found["next_run"])
    return _require(connection, who, run_id)


@reads
def answerable(connection: Connection, who: Identity, run_id: str) -> Interrupt:
    """Return what a run waits for and the caller may answer. Raises as `answer` does."""
    return _require_answerable(connection, who, run_id)


@reads
def waits_for(connection: Connection, who: Identity, next_run: str) -> dict[str, Any] | None:
    """Return what the caller's paused run waits for, as the `interrupt` event says it; None for another run."""
    i = interrupts.c
    this = and_(access.own(interrupts, who), i.next_run == next_run, i.status == "open")
    row = connection.execute(select(*_SHOWN).where(this)).mappings().first()
    return None if row is None else asked_of(cast(Interrupt, dict(row)))


@reads
def asked_by(connection: Connection, who: Identity, run_id: str) -> dict[str, Any] | None:
    """Return what the caller's run stopped for, as the `interrupt` event says it; None for one that did not stop."""
    this = and_(access.own(interrupts, who), interrupts.c.run_id == run_id)
    row = connection.execute(select(*_SHOWN).where(this)).mappings().first()
    return None if row is None else asked_of(cast(Interrupt, dict(row)))


def asked_of(found: Interrupt) -> dict[str, Any]:
    """Return the data of the `interrupt` event; an answer that waits for approval is not the asker's yet."""
    payload = found["payload"]
    if found["kind"] == "approve_answer":
        payload = {"question": payload.get("question", "")}
    return {"id": found["id"], "kind": found["kind"], "payload": payload, "run_id": found["next_run"]}


@writes
def expire(connection: Connection) -> int:
    """Let the runs go on that nobody answered in time, for all tenants; return how many."""
    i = interrupts.c
    late = select(i.tenant, i.id, i.next_run).where(i.status == "open", i.expires_at <= now())
    rows = connection.execute(late.with_for_update(skip_locked=True)).all()
    for row in rows:
        this = and_(i.tenant == row.tenant, i.id == row.id)
        over = {"status": "expired", "response": {"action": "expire"}}
        connection.execute(update(interrupts).where(this).values(over))
        _go_on(connection, row.tenant, row.next_run)
    return len(rows)


@reads
def listing(
    connection: Connection,
    who: Identity,
    limit: int = 50,
    cursor: str | None = None,
    *,
    status: Status | None = None,
) -> Page[Interrupt]:
    """Return a page, newest first: an overseer's whole tenant, else the caller's own."""
    query = select(*_SHOWN).where(access.visible(interrupts, who))
    if status is not None:
        query = query.where(interrupts.c.status == status)
    scope = ["interrupts", status, *access.mark(who)]
    found = page(connection, query, [interrupts.c.id], scope, limit=limit, cursor=cursor)
    return cast(Page[Interrupt], {**found, "items": [shown(one, who) for one in cast(Any, found["items"])]})


def response_to(connection: Connection, tenant: str, next_run: str) -> tuple[dict[str, Any] | None, str]:
    """Return what a person said, and the checkpoint that the run goes on from; nothing for another kind of run."""
    i = interrupts.c
    found = select(i.response, i.checkpoint).where(i.tenant == tenant, i.next_run == next_run)
    row = connection.execute(found).first()
    return (row.response, row.checkpoint) if row else (None, "")


def withdraw(connection: Connection, who: Identity, next_run: str) -> None:
    """Note that nobody needs to answer any more: the run that waits was cancelled."""
    i = interrupts.c
    this = and_(i.tenant == who.tenant, i.next_run == next_run, i.status == "open")
    connection.execute(update(interrupts).where(this).values(status="withdrawn"))


def shown(found: Interrupt, who: Identity) -> Interrupt:
    """Return what the caller may see: an answer that waits for approval is not the asker's yet."""
    if found["kind"] == "tool_call" or access.oversees(who):
        return found
    return {**found, "payload": {"question": found["payload"].get("question", "")}}


def _go_on(connection: Connection, tenant: str, run_id: str) -> None:
    this = and_(runs.c.tenant == tenant, runs.c.id == run_id, runs.c.status == PAUSED)
    connection.execute(update(runs).where(this).values(status="waiting"))


def _require(connection: Connection, who: Identity, run_id: str) -> Interrupt:
    i = interrupts.c
    this = or_(i.run_id == run_id, i.next_run == run_id)
    row = connection.execute(select(*_SHOWN).where(access.visible(interrupts, who), this)).mappings().first()
    if row is None:
        raise Unknown("interrupt", run_id)
    return cast(Interrupt, dict(row))


def _require_answerable(connection: Connection, who: Identity, run_id: str) -> Interrupt:
    found = _require(connection, who, run_id)
    if found["kind"] == "approve_answer" and not access.oversees(who):
        raise Forbidden("An answer is approved by an owner or operator of the tenant, not by who asked.")
    _require_open(found)
    return found


def _require_open(found: Interrupt) -> None:
    """Raise NotOpen for an interrupt that takes no answer any more."""
    match found["status"]:
        case "answered":
            by, at = found["answered_by"], (found["answered_at"] or "")[:16]
            raise NotOpen(f"{by} answered this on {at}; it takes one answer.")
        case "expired":
            raise NotOpen(f"Nobody answered this until {found['expires_at'][:16]}; the run went on without.")
        case "withdrawn":
            raise NotOpen("The run that waited for this was cancelled.")
        case "open":
            pass


_SHOWN = tuple(
    interrupts.c.user_id.label("user") if name == "user" else interrupts.c[name]
    for name in Interrupt.__annotations__
)
