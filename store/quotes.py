"""Which messages quote which documents: whoever may not read a document any more is not shown what was said from it.

A document that is gone is nobody's to read. What a message quotes is looked up when it is read, so a change of groups,
the document's or the person's, holds at once, for answers of long ago as well.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Text, and_, bindparam, insert, or_, select
from sqlalchemy import cast as as_type

from contracts.identity import Identity
from store.documents import may_read, parts_of
from store.engine import reads
from store.tables import documents, messages, quotes

WITHHELD: Final = "This answer drew on documents that you may not read any more."
"""Stands for the text of such an answer."""


def add(connection: Connection, who: Identity, message_id: str, outcome: Mapping[str, Any]) -> None:
    """Note what an answer of `who`'s draws on: `sources` that it was shown, `citations`, and what it `rests_on`.

    Where each of its sentences names its passages, it draws on those; else on all that it was shown.
    """
    cited = cited_in(outcome.get("sources") or [], outcome.get("citations") or [])
    cited |= {str(source) for source in outcome.get("rests_on") or []}
    shown = {str(passage["source"]) for passage in outcome.get("sources") or []}
    same = {"tenant": who.tenant, "message_id": message_id}
    rows = [{**same, "source": source, "cited": source in cited} for source in sorted(shown | cited)]
    if rows:
        connection.execute(_ADD, rows)


def cited_in(passages: Iterable[Mapping[str, Any]], citations: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the sources that an answer's text draws on, as far as is known: all of them where a sentence has none."""
    source_of = {passage["id"]: str(passage["source"]) for passage in passages}
    if not citations or not all(citation.get("passages") for citation in citations):
        return set(source_of.values())
    return {source_of[id] for citation in citations for id in citation["passages"] if id in source_of}


def unreadable(connection: Connection, who: Identity, message_ids: Collection[str]) -> set[str]:
    """Return those of the messages that draw on a document which the caller may not read."""
    if not message_ids:
        return set()
    rows = connection.execute(_CLOSED, {"who_tenant": who.tenant, "ids": list(message_ids)})
    return {row.message_id for row in rows if row.id is None or not may_read(who, row.groups)}


def shown(connection: Connection, who: Identity, items: Sequence[dict[str, Any]]) -> None:
    """Take out of messages, as lists show them, what the caller may not read any more."""
    hidden = unreadable(connection, who, [item["id"] for item in items if item["role"] == "assistant"])
    for item in items:
        if item["id"] in hidden:
            item["content"] = WITHHELD
            for key in ("citations", "sources", "actions"):
                item.pop(key, None)
    sources = {str(one["source"]) for item in items for one in item.get("sources") or []}
    if not sources:
        return
    closed = sources - _readable(connection, who, sources)
    for item in items if closed else ():
        if item.get("sources"):
            item["sources"] = [one for one in item["sources"] if one["source"] not in closed]


@reads
def of_run(connection: Connection, who: Identity, run_id: str) -> list[str]:
    """Return the documents that a run's asker was shown and that are still there.

    Where the run has none, as the wish for a person has none, those of the answer before it: the wish is about that.
    """
    m, theirs = messages.c, and_(messages.c.tenant == who.tenant, messages.c.run_id == run_id)
    if found := _there(connection, theirs):
        return found
    own = select(m.conversation_id, m.seq).where(theirs).order_by(m.seq).limit(1)
    if (first := connection.execute(own).first()) is None:
        return []
    same = and_(m.tenant == who.tenant, m.conversation_id == first.conversation_id)
    earlier = and_(same, m.role == "assistant", m.seq < first.seq)
    last = select(m.id).where(earlier).order_by(m.seq.desc()).limit(1).scalar_subquery()
    return _there(connection, and_(m.tenant == who.tenant, m.id == last))


def _there(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Return the documents that these messages quote and that are still there."""
    m, q, d = messages.c, quotes.c, documents.c
    quoting = quotes.join(messages, and_(m.tenant == q.tenant, m.id == q.message_id))
    found = (
        select(q.source)
        .select_from(quoting.join(documents, and_(d.tenant == q.tenant, d.source == q.source)))
        .where(which)
    )
    return sorted(connection.execute(found.distinct()).scalars())


def _readable(connection: Connection, who: Identity, sources: Collection[str]) -> set[str]:
    d = documents.c
    found: set[str] = set()
    for part in parts_of(sorted(sources)):
        rows = connection.execute(
            select(d.source, d.groups).where(d.tenant == who.tenant, d.source.in_(part))
        )
        found |= {row.source for row in rows if may_read(who, row.groups)}
    return found


_ADD = insert(quotes)
_CLOSED = (
    select(quotes.c.message_id, documents.c.id, documents.c.groups)
    .select_from(
        quotes.outerjoin(
            documents, and_(documents.c.tenant == quotes.c.tenant, documents.c.source == quotes.c.source)
        )
    )
    .where(quotes.c.tenant == bindparam("who_tenant"), quotes.c.cited)
    .where(quotes.c.message_id.in_(bindparam("ids", expanding=True)))
    .where(or_(documents.c.id.is_(None), as_type(documents.c.groups, Text) != "[]"))
)
"""The quotes of documents that are not for everyone; usually none."""
