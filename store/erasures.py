"""Documents that were deleted, and what still quotes them: messages, drafts that wait for a person, jobs.

A message that only was shown a passage loses that passage; one whose text draws on the document loses its text too. The
caller deletes what lies outside of SQL: logs and checkpoints of the runs that are returned.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, delete, or_, select, update

from store.documents import parts_of
from store.engine import reads, writes
from store.ids import to_time
from store.quotes import cited_in
from store.tables import decisions, documents, erasures, escalations, interrupts, jobs, messages, quotes, runs

ERASED: Final = "This answer was erased: it drew on a document that was deleted."
"""Stands for the text of such an answer."""


class Touched(NamedTuple):
    """What a document has left outside of SQL."""

    runs: list[str]
    threads: list[str]
    jobs: list[str]


@writes
def redact(connection: Connection, tenant: str, sources: Collection[str]) -> Touched:
    """Take these documents' texts out of messages and drafts; return the runs and jobs whose logs have them.

    One that is back since then is left alone.
    """
    d = documents.c
    gone: list[str] = []
    for part in parts_of(list(sources)):
        back = connection.execute(select(d.source).where(d.tenant == tenant, d.source.in_(part)))
        gone += sorted(set(part) - set(back.scalars()))
    touched = set[str]()
    for part in parts_of(gone):
        touched |= _messages(connection, tenant, set(part))
        touched |= _drafts(connection, tenant, set(part))
    r = runs.c
    found = connection.execute(
        select(r.id, r.thread).where(r.tenant == tenant, or_(r.id.in_(touched), r.thread.in_(touched)))
    ).all()
    names = sorted({row.id for row in found} | touched)
    return Touched(names, sorted({row.thread for row in found}), _jobs(connection, tenant, set(gone)))


@reads
def due(connection: Connection, within_s: float) -> dict[str, list[str]]:
    """Return, by tenant, the documents that were deleted so lately that a run may still end which had read them."""
    since = to_time(datetime.now(UTC) - timedelta(seconds=within_s))
    x = erasures.c
    found: dict[str, list[str]] = {}
    for row in connection.execute(select(x.tenant, x.source).where(x.at >= since)):
        found.setdefault(row.tenant, []).append(row.source)
    return found


@writes
def forget(connection: Connection, within_s: float) -> None:
    """Drop the notes of older deletions."""
    before = to_time(datetime.now(UTC) - timedelta(seconds=within_s))
    connection.execute(delete(erasures).where(erasures.c.at < before))


def _messages(connection: Connection, tenant: str, gone: set[str]) -> set[str]:
    """Redact the messages that quote these documents; return their runs."""
    m, q = messages.c, quotes.c
    quoting = and_(m.tenant == q.tenant, m.id == q.message_id)
    found = (
        select(m.id, m.run_id, m.details)
        .select_from(messages.join(quotes, quoting))
        .where(q.tenant == tenant, q.source.in_(sorted(gone)))
    )
    runs_of = set[str]()
    for row in connection.execute(found).all():
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
    connection.execute(delete(quotes).where(q.tenant == tenant, q.source.in_(sorted(gone))))
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


def _drafts(connection: Connection, tenant: str, gone: set[str]) -> set[str]:
    """Redact the drafts that a person was to look at; return their runs."""
    i = interrupts.c
    kept = select(i.id, i.run_id, i.next_run, i.payload, i.response).where(i.tenant == tenant)
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


def _jobs(connection: Connection, tenant: str, gone: set[str]) -> list[str]:
    """Drop what the documents' ended jobs say of them; return those jobs."""
    j = jobs.c
    rows = connection.execute(select(j.id, j.sources).where(j.tenant == tenant, j.status != "running")).all()
    theirs = [row.id for row in rows if gone & set(row.sources)]
    for part in parts_of(theirs):
        connection.execute(
            update(jobs).where(j.tenant == tenant, j.id.in_(part)).values(outcome=None, error="", current="")
        )
    return theirs
