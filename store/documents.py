"""The knowledge base's documents: what was indexed, from where, and whether it worked."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, NotRequired, TypedDict, cast

from sqlalchemy import ColumnElement, Connection, Text, and_, bindparam, delete, func, or_, select, update
from sqlalchemy import cast as as_type

from contracts.errors import Unknown
from contracts.identity import Identity
from store import access
from store.dialect import insert_into
from store.engine import reads, writes
from store.ids import id_for, now
from store.paging import Page, page
from store.tables import documents

Status = Literal["indexing", "indexed", "failed"]
PART: Final = 500
"""Names in one statement."""


class Entry(TypedDict):
    """One document."""

    id: str
    source: str
    """What a person calls it; one document a tenant and source."""
    title: str
    sha256: str
    bytes: int
    chunks: int
    status: Status
    groups: list[str]
    """Who may read it; empty means everyone in the tenant."""
    error: str
    created_at: str
    updated_at: str


class Indexed(TypedDict):
    """What an ingest notes of one document."""

    source: str
    title: str
    sha256: str
    bytes: int
    chunks: int
    groups: Sequence[str]
    stat: NotRequired[str]
    """What the file system said of the file before it was read; empty where nobody can compare it."""


class Noted(NamedTuple):
    """What an ingest compares a file with."""

    version: str
    stat: str
    groups: list[str]


@writes
def upsert(
    connection: Connection,
    who: Identity,
    source: str,
    *,
    title: str,
    sha256: str,
    bytes: int,
    chunks: int = 0,
    status: Status = "indexed",
    groups: Sequence[str] = (),
    error: str = "",
) -> Entry:
    """Write the document of this source and return it; one that was there keeps its id and `created_at`."""
    at = now()
    state = {"title": title, "sha256": sha256, "bytes": bytes, "chunks": chunks, "status": status}
    state |= {"groups": list(groups), "error": error, "updated_at": at}
    row = {"tenant": who.tenant, "id": id_for("doc"), "source": source, "created_at": at, **state}
    d = documents.c
    saved = insert_into(connection, documents).values(row)
    saved = saved.on_conflict_do_update(index_elements=[d.tenant, d.source], set_=state).returning(*_SHOWN)
    return cast(Entry, dict(connection.execute(saved).mappings().one()))


@writes
def upsert_all(connection: Connection, who: Identity, indexed: Sequence[Indexed]) -> None:
    """Write the documents of different sources as `upsert` does, all or none.

    In the order of their sources: two writers of the same ones wait for each other, and neither for both.
    """
    put_all(connection, who.tenant, indexed)


def put_all(connection: Connection, tenant: str, indexed: Sequence[Indexed]) -> None:
    """Write the documents within a transaction, as `upsert_all` does."""
    at = now()
    same = {
        "tenant": tenant,
        "status": "indexed",
        "error": "",
        "stat": "",
        "created_at": at,
        "updated_at": at,
    }
    ordered = sorted(indexed, key=lambda one: one["source"])
    rows = [{**same, **one, "groups": sorted(set(one["groups"])), "id": id_for("doc")} for one in ordered]
    if rows:
        d = documents.c
        added = insert_into(connection, documents)
        changes = {name: added.excluded[name] for name in _STATE}
        connection.execute(
            added.on_conflict_do_update(index_elements=[d.tenant, d.source], set_=changes), rows
        )


@writes
def mark(
    connection: Connection,
    who: Identity,
    id: str,
    status: Status,
    *,
    chunks: int | None = None,
    error: str = "",
) -> None:
    """Set the document's status, and its number of chunks where given; raises Unknown."""
    changes: dict[str, Any] = {"status": status, "error": error, "updated_at": now()}
    if chunks is not None:
        changes["chunks"] = chunks
    if connection.execute(update(documents).where(_this(who, id)).values(changes)).rowcount == 0:
        raise Unknown("document", id)


@writes
def remove(connection: Connection, who: Identity, id: str) -> Entry:
    """Delete the document and return what it was, for its chunks to be removed; raises Unknown."""
    row = connection.execute(delete(documents).where(_this(who, id)).returning(*_SHOWN)).mappings().first()
    if row is None:
        raise Unknown("document", id)
    return cast(Entry, dict(row))


@reads
def get(connection: Connection, who: Identity, id: str) -> Entry:
    """Return the document; raises Unknown, also where its groups keep it from the caller."""
    row = connection.execute(select(*_SHOWN).where(_this(who, id), _readable(who))).mappings().first()
    if row is None:
        raise Unknown("document", id)
    return cast(Entry, dict(row))


@reads
def by_source(connection: Connection, who: Identity, source: str) -> Entry | None:
    """Return the document of this source, whatever its groups, or None."""
    found = select(*_SHOWN).where(documents.c.tenant == who.tenant, documents.c.source == source)
    row = connection.execute(found).mappings().first()
    return cast(Entry, dict(row)) if row else None


@reads
def digests(connection: Connection, who: Identity, among: Sequence[str] | None = None) -> dict[str, str]:
    """Return the sha256 of each indexed source of the tenant, or of those `among`: what need not be read again."""
    d = documents.c
    indexed = select(d.source, d.sha256).where(d.tenant == who.tenant, d.status == "indexed")
    if among is not None:
        indexed = indexed.where(d.source.in_(among))
    return {row.source: row.sha256 for row in connection.execute(indexed)}


@reads
def sources(connection: Connection, who: Identity, after: str = "", limit: int = 1000) -> list[str]:
    """Return the next indexed sources of the tenant behind `after`, in the order of their names."""
    d = documents.c
    found = select(d.source).where(d.tenant == who.tenant, d.status == "indexed", d.source > after)
    return list(connection.scalars(found.order_by(d.source).limit(limit)))


@reads
def noted(connection: Connection, who: Identity, sources: Sequence[str] | None = None) -> dict[str, Noted]:
    """Return what is noted of each indexed source of the tenant, or of these alone."""
    d = documents.c
    query = select(d.source, d.sha256, d.stat, d.groups).where(d.tenant == who.tenant, d.status == "indexed")
    found: dict[str, Noted] = {}
    for part in [None] if sources is None else parts_of(sources):
        rows = connection.execute(query if part is None else query.where(d.source.in_(part)))
        found |= {row.source: Noted(row.sha256, row.stat, row.groups) for row in rows}
    return found


@reads
def twins(connection: Connection, who: Identity, versions: Sequence[str]) -> dict[str, str]:
    """Return a document for each of these versions that one has: the same content under another name."""
    d = documents.c
    query = select(d.sha256, d.source).where(d.tenant == who.tenant, d.status == "indexed")
    rows = connection.execute(query.where(d.sha256.in_(versions)).order_by(d.source.desc()))
    return {row.sha256: row.source for row in rows}


@writes
def note_stats(connection: Connection, who: Identity, stats: Mapping[str, str]) -> None:
    """Note what the file system says of files whose content was found unchanged."""
    if stats:
        d = documents.c
        change = update(documents).where(d.tenant == who.tenant, d.source == bindparam("file"))
        rows = [{"file": source, "said": stats[source]} for source in sorted(stats)]
        connection.execute(change.values(stat=bindparam("said")), rows)


def regroup(connection: Connection, who: Identity, id: str, groups: Sequence[str]) -> Entry:
    """Set within a transaction who may read the document, and return it; raises Unknown."""
    changes = {"groups": sorted(set(groups)), "updated_at": now()}
    changed = update(documents).where(_this(who, id)).values(changes).returning(*_SHOWN)
    row = connection.execute(changed).mappings().first()
    if row is None:
        raise Unknown("document", id)
    return cast(Entry, dict(row))


@reads
def readable(connection: Connection, who: Identity, sources: Collection[str]) -> set[str]:
    """Return those of the sources that the caller may read as an asker: an overseer has no more groups than others."""
    d = documents.c
    found: set[str] = set()
    for part in parts_of(list(sources)):
        there = select(d.source, d.groups).where(d.tenant == who.tenant, d.source.in_(part))
        rows = connection.execute(there)
        found |= {row.source for row in rows if may_read(who, row.groups)}
    return found


def may_read(who: Identity, groups: Sequence[str]) -> bool:
    """Tell whether a document for these groups may be read by the caller; none is everyone in the tenant."""
    return not groups or not set(groups).isdisjoint(who.reads)


@reads
def versions(connection: Connection, tenant: str, sources: Collection[str]) -> dict[str, str]:
    """Return the version of each of these sources that there is."""
    return versions_of(connection, tenant, sources)


def versions_of(connection: Connection, tenant: str, sources: Collection[str]) -> dict[str, str]:
    """Return the version of each of these sources that there is."""
    d = documents.c
    found: dict[str, str] = {}
    for part in parts_of(list(sources)):
        rows = connection.execute(select(d.source, d.sha256).where(d.tenant == tenant, d.source.in_(part)))
        found |= {row.source: row.sha256 for row in rows}
    return found


def parts_of(names: Sequence[str]) -> list[Sequence[str]]:
    """Return the names in parts that one statement takes."""
    return [names[at : at + PART] for at in range(0, len(names), PART)]


@reads
def listing(
    connection: Connection,
    who: Identity,
    limit: int = 50,
    cursor: str | None = None,
    *,
    status: Status | None = None,
) -> Page[Entry]:
    """Return a page of the documents that the caller may read, newest first; overseers see all."""
    query = select(*_SHOWN).where(documents.c.tenant == who.tenant, _readable(who))
    if status is not None:
        query = query.where(documents.c.status == status)
    scope = ["documents", status, *who.reads, *access.mark(who)]
    return cast(Page[Entry], page(connection, query, [documents.c.id], scope, limit=limit, cursor=cursor))


_STATE: Final = ("title", "sha256", "bytes", "chunks", "status", "groups", "error", "stat", "updated_at")
_SHOWN = tuple(documents.c[name] for name in Entry.__annotations__)


def _this(who: Identity, id: str) -> ColumnElement[bool]:
    return and_(documents.c.tenant == who.tenant, documents.c.id == id)


def _readable(who: Identity) -> ColumnElement[bool]:
    if access.oversees(who):
        return documents.c.tenant == who.tenant
    groups = as_type(documents.c.groups, Text)
    # Not LIKE: on SQLite it takes `HR` for `hr`.
    theirs = [func.replace(groups, json.dumps(group), "") != groups for group in who.reads]
    return or_(groups == "[]", *theirs)
