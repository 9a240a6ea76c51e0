"""Who may see what within a tenant."""

from typing import Any

from sqlalchemy import ColumnElement, Table, and_

from contracts.identity import Identity

_OVERSEERS = frozenset({"owner", "operator"})


def oversees(who: Identity) -> bool:
    """Tell whether the caller sees the whole tenant's ledger and inbox rather than their own rows."""
    return who.role in _OVERSEERS


def own(table: Table, who: Identity) -> ColumnElement[bool]:
    """Return the condition for the caller's own rows."""
    return and_(table.c.tenant == who.tenant, table.c.user_id == who.user)


def visible(table: Table, who: Identity) -> ColumnElement[bool]:
    """Return the condition for the rows the caller may see: an overseer's tenant, else their own rows."""
    return table.c.tenant == who.tenant if oversees(who) else own(table, who)


def mark(who: Identity) -> list[str]:
    """Return what binds a cursor to the caller."""
    return [who.tenant, who.user, who.role]


def row_of(who: Identity, id: str) -> dict[str, Any]:
    """Return the values that every row of a user begins with."""
    return {"tenant": who.tenant, "id": id, "user_id": who.user}
