"""Documents that were deleted, and what still quotes them: messages, drafts that wait for a person, jobs.

A message that only was shown a passage loses that passage; one whose text draws on the document loses its text too. The
caller deletes what lies outside of SQL: logs and checkpoints of the runs that are returned.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, delete, not_, or_, select, update

from store.documents import parts_of
from store.engine import reads, writes
from store.ids import to_time
from store.quotes import cited_in
from store.tables import decisions, documents, erasures, escalations, interrupts, jobs, messages, quotes, runs

ERASED: Final = "This answer was erased: it drew on a document that was deleted."
"""Stands for the text of such an answer."""
LAST: Final = "9999-12-31T23:59:59.999999Z"
"""After everything that there is: nothing is left out as too new."""


class Touched(NamedTuple):
    """What a document has left outside of SQL."""

    runs: list[str]
    threads: list[str]
    jobs: list[str]


@writes
def redact(connection: Connection, tenant: str, sources: Collection[str]) -> Touched:
    """Take these documents' texts out of messages and drafts; return the runs and jobs whose logs have them.

    Of one that is back since then, only what is older than it.
    """
    d = documents.c
    back: dict[str, str] = {}
    for part in parts_of(list(sources)):
        rows = connection.execute(
            select(d.source, d.created_at).where(d.tenant == tenant, d.source.in_(part))
        )
        back |= {row.source: row.created_at for row in rows}
    gone = sorted(set(sources) - back.keys())
    touched, ended = set[str](), list[str]()
    for part, before in [*((part, LAST) for part in parts_of(gone)), *(([s], at) for s, at in back.items())]:
        touched |= _messages(connection, tenant, set(part), before)
        touched |= _drafts(connection, tenant, set(part), before)
        ended += _jobs(connection, tenant, set(part), before)
    r = runs.c
    found = connection.execute(
        select(r.id, r.thread).where(r.tenant == tenant, or_(r.id.in_(touched), r.thread.in_(touched)))
    ).all()
    names = sorted({row.id for row in found} | touched)
    return Touched(names, sorted({row.thread for row in found}), sorted(set(ended)))


@reads
def due(connection: Connection) -> dict[str, list[str]]:
    """Return, by tenant, the deleted documents that are to be erased, again or for the first time."""
    found: dict[str, list[str]] = {}
    for row in connection.execute(select(erasures.c.tenant, erasures.c.source)):
        found.setdefault(row.tenant, []).append(row.source)
    return found


@writes
def forget(connection: Connection, within_s: float, began: str) -> None:
    """Drop the notes of older deletions that are done: no run is left that had read the document.

    Nor a job: one that ended after `began`, when it was last erased, may still name it.
    """
    j, x = jobs.c, erasures.c
    over = to_time(datetime.now(UTC) - timedelta(seconds=within_s))
    late = or_(j.status == "running", j.updated_at >= began)
    naming = select(j.id).where(j.tenant == x.tenant, j.created_at <= x.at, late).exists()
    connection.execute(delete(erasures).where(x.at < over, x.done, not_(naming)))


@writes
def done(connection: Connection, tenant: str, sources: Collection[str], began: str) -> None:
    """Note that these documents were erased, beginning at this time: not those that were deleted later."""
    x = erasures.c
    for part in parts_of(list(sources)):
        these = and_(x.tenant == tenant, x.source.in_(part), x.at <= began)
        connection.execute(update(erasures).where(these).values(done=True))


def _messages(connection: Connection, tenant: str, gone: set[str], before: str) -> set[str]:
    """Redact the messages that quote these documents; return their runs."""
    m, q = messages.c, quotes.c
    quoting = and_(m.tenant == q.tenant, m.id == q.message_id)
    found = (
        select(m.id, m.run_id, m.details)
        .select_from(messages.join(quotes, quoting))
        .where(q.tenant == tenant, q.source.in_(sorted(gone)), m.created_at < before)
    )
    runs_of, there = set[str](), connection.execute(found).all()
    for row in there:
        changes, whole = redacted(row.details, gone)
        if whole or _rests(connection, tenant, row.id, gone):
            changes = {"decision": row.details.get("decision"), "usage": row.details.get("usage")}
            connection.execute(
                update(messages)
                .where(m.tenant == tenant, m.id == row.id)
                .values(content=ERASED, details=changes)
            )
            ticket = and_(escalations.c.tenant == tenant, escalations.c.message_id == row.id)
            connection.execute(update(escalations).where(ticket).values(answer=ERASED))
            ledger = and_(decisions.c.tenant == tenant, decisions.c.run_id == row.run_id)
            connection.execute(update(decisions).where(ledger).values(reason=""))
        else:
            connection.execute(
                update(messages).where(m.tenant == tenant, m.id == row.id).values(details=changes)
            )
        if row.run_id:
            runs_of.add(row.run_id)
    for part in parts_of(sorted({row.id for row in there})):
        quoted = and_(q.tenant == tenant, q.message_id.in_(part), q.source.in_(sorted(gone)))
        connection.execute(delete(quotes).where(quoted))
    return runs_of


def redacted(details: Mapping[str, Any], gone: Collection[str]) -> tuple[dict[str, Any], bool]:
    """Return a message's details without the documents' passages, and whether its text draws on one of them."""
    passages = details.get("sources") or []
    kept = [one for one in passages if one["source"] not in gone]
    whole = bool(cited_in(passages, details.get("citations") or []) & set(gone))
    return {**details, "sources": kept}, whole


def _rests(connection: Connection, tenant: str, message_id: str, gone: set[str]) -> bool:
    q = quotes.c
    cited = and_(q.tenant == tenant, q.message_id == message_id, q.cited, q.source.in_(sorted(gone)))
    return connection.execute(select(q.source).where(cited).limit(1)).first() is not None


def _drafts(connection: Connection, tenant: str, gone: set[str], before: str) -> set[str]:
    """Redact the drafts that a person was to look at; return their runs."""
    i = interrupts.c
    kept = select(i.id, i.run_id, i.next_run, i.payload, i.response).where(
        i.tenant == tenant, i.created_at < before
    )
    found = set[str]()
    for row in connection.execute(kept.where(i.kind == "approve_answer")):
        if not any(one.get("source") in gone for one in row.payload.get("passages") or []):
            continue
        payload = {
            "question": row.payload.get("question", ""),
            "text": ERASED,
            "citations": [],
            "passages": [],
        }
        response = {**row.response, "text": ""} if row.response else None
        connection.execute(
            update(interrupts)
            .where(i.tenant == tenant, i.id == row.id)
            .values(payload=payload, response=response)
        )
        found |= {row.run_id, row.next_run}
    return found


def _jobs(connection: Connection, tenant: str, gone: set[str], before: str) -> list[str]:
    """Drop what ended jobs say of these documents, their own and others; return those jobs."""
    j = jobs.c
    ended = select(j.id, j.sources, j.outcome).where(
        j.tenant == tenant, j.status != "running", j.updated_at < before
    )
    found: list[str] = []
    for row in connection.execute(ended).all():
        own, outcome = gone & set(row.sources), without(row.outcome, gone)
        if own or outcome != row.outcome:
            said: dict[str, Any] = {"outcome": None, "error": ""} if own else {"outcome": outcome}
            this = and_(j.tenant == tenant, j.id == row.id)
            connection.execute(update(jobs).where(this).values(**said, current=""))
            found.append(row.id)
    return found


def without(outcome: Mapping[str, Any] | None, gone: Collection[str]) -> Mapping[str, Any] | None:
    """Return what a job came to without its failures and notes of these documents."""
    if outcome is None:
        return None
    lists = {name: outcome[name] for name in ("failures", "notes") if name in outcome}
    kept = {name: [one for one in said if one["source"] not in gone] for name, said in lists.items()}
    return {**outcome, **kept}
