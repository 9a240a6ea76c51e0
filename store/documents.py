"""The knowledge base's documents: what was indexed, from where, and whether it worked."""

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, TypedDict, cast

from sqlalchemy import ColumnElement, Connection, Text, and_, delete, or_, select, update
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
    at = now()
    same = {"tenant": who.tenant, "status": "indexed", "error": "", "created_at": at, "updated_at": at}
    ordered = sorted(indexed, key=lambda one: one["source"])
    rows = [{**same, **one, "groups": list(one["groups"]), "id": id_for("doc")} for one in ordered]
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
    scope = ["documents", status, who.department, *access.mark(who)]
    return cast(Page[Entry], page(connection, query, [documents.c.id], scope, limit=limit, cursor=cursor))


_STATE: Final = ("title", "sha256", "bytes", "chunks", "status", "groups", "error", "updated_at")
_SHOWN = tuple(documents.c[name] for name in Entry.__annotations__)


def _this(who: Identity, id: str) -> ColumnElement[bool]:
    return and_(documents.c.tenant == who.tenant, documents.c.id == id)


def _readable(who: Identity) -> ColumnElement[bool]:
    if access.oversees(who):
        return documents.c.tenant == who.tenant
    groups = as_type(documents.c.groups, Text)
    theirs = groups.contains(json.dumps(who.department), autoescape=True)
    return or_(groups == "[]", theirs)
