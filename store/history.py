"""Search in the caller's own messages."""

from typing import Literal, TypedDict

from sqlalchemy import Connection, false, select, true

from contracts.identity import Identity
from store import access, quotes
from store.columns import to_storable
from store.engine import reads
from store.paging import Page, page
from store.tables import messages

_AROUND = 80
"""Characters of a snippet on each side of the first word found."""


class Found(TypedDict):
    """A message that holds every word of the query."""

    message_id: str
    conversation_id: str
    role: Literal["user", "assistant"]
    snippet: str
    created_at: str


@reads
def search(
    connection: Connection, who: Identity, q: str, limit: int = 50, cursor: str | None = None
) -> Page[Found]:
    """Return a page of the messages that hold all words of `q`, newest first; none for an empty query.

    Letter case does not matter, and a word may be a part of a longer one. It reads the caller's messages
    one by one: right for a person's history, not for millions.
    """
    words = to_storable(q).split()
    m = messages.c
    query = select(m.id.label("message_id"), m.conversation_id, m.role, m.content, m.created_at)
    query = query.where(access.own(messages, who), m.content != "")
    query = query.where(*(m.content.icontains(word.lower(), autoescape=True) for word in words))
    scope = ["search", q, *access.mark(who)]
    found = page(
        connection, query.where(true() if words else false()), [m.id], scope, limit=limit, cursor=cursor
    )
    hidden = quotes.unreadable(connection, who, [row["message_id"] for row in found["items"]])
    items: list[Found] = []
    for row in found["items"]:
        content = row.pop("content")
        if row["message_id"] in hidden:
            continue
        items.append(Found(**row, snippet=to_snippet(content, words[0])))
    return {"items": items, "next": found["next"]}


def to_snippet(content: str, word: str) -> str:
    """Return the text around the first place of the word on one line, with `…` where it was cut."""
    place = max(content.lower().find(word.lower()), 0)
    start, end = max(place - _AROUND, 0), min(place + len(word) + _AROUND, len(content))
    inside = " ".join(content[start:end].split())
    return ("…" if start else "") + inside + ("…" if end < len(content) else "")
