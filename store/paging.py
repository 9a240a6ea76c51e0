"""Pages of a list: a cursor names the last row seen, so rows that arrive meanwhile move nothing.

A cursor holds a digest of the list it belongs to (its name, tenant, user and filters) and of its values.
It is no secret and grants nothing: the list's own conditions apply to every page.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Generic, TypedDict, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Select, tuple_

from contracts.errors import BadCursor, BadRequest

T = TypeVar("T")
Scope = Sequence[str | None]
"""What a list is: its name, its tenant and user, its filters."""

MOST = 200
"""Rows on one page at most."""


class Page(TypedDict, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None
    """The cursor of the following page; null on the last."""


def page(
    connection: Connection,
    query: Select[*tuple[Any, ...]],
    by: Sequence[ColumnElement[Any]],
    scope: Scope,
    *,
    limit: int,
    cursor: str | None,
    descending: bool = True,
) -> Page[dict[str, Any]]:
    """Return up to `limit` rows after the cursor, ordered by `by`, which must be unique and unchanging.

    Raises BadRequest for a limit outside 1..200 and BadCursor for a cursor of another list.
    """
    if not 1 <= limit <= MOST:
        raise BadRequest(f"limit is {limit}, but a page holds 1 to {MOST}. Ask for less and follow `next`.")
    if cursor is not None:
        place = tuple_(*by)
        seen = tuple_(*values_of(cursor, [column.type.python_type for column in by], scope))
        query = query.where(place < seen if descending else place > seen)
    marks = [column.label(f"by_{index}") for index, column in enumerate(by)]
    query = query.add_columns(*marks).order_by(*(column.desc() if descending else column for column in by))
    rows = [dict(row) for row in connection.execute(query.limit(limit + 1)).mappings()]
    places = [[row.pop(mark.name) for mark in marks] for row in rows]
    more = len(rows) > limit
    items = cast(list[dict[str, Any]], rows[:limit])
    return {"items": items, "next": cursor_of(scope, places[limit - 1]) if more else None}


def cursor_of(scope: Scope, values: Sequence[str | int]) -> str:
    """Return the cursor for what comes after the row with these values."""
    raw = json.dumps([_digest(scope, values), *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _digest(scope: Scope, values: Sequence[str | int]) -> str:
    return hashlib.sha256(json.dumps([list(scope), list(values)]).encode()).hexdigest()[:16]


def values_of(cursor: str, kinds: Sequence[type], scope: Scope) -> list[str | int]:
    """Return the values in a cursor of this list. Raises BadCursor."""
    try:
        digest, *values = json.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        )
        good = digest == _digest(scope, values) and [type(value) for value in values] == list(kinds)
    except (ValueError, TypeError, RecursionError):
        good, values = False, []
    if not good or any(isinstance(value, int) and not 0 <= value < 2**31 for value in values):
        raise BadCursor("The cursor is not one of this list's. Begin again without a cursor.")
    return values
