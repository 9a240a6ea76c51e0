"""Who may see what within a tenant."""

from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam

from contracts.identity import Identity

_OVERSEERS = frozenset({"owner", "operator"})


def oversees(who: Identity) -> bool:
    """Tell whether the caller sees the whole tenant's ledger and inbox rather than their own rows."""
    return who.role in _OVERSEERS


def own(table: Table, who: Identity) -> ColumnElement[bool]:
    """Return the condition for the caller's own rows."""
    return and_(table.c.tenant == who.tenant, table.c.user_id == who.user)


def own_bound(table: Table) -> ColumnElement[bool]:
    """Return `own` for a statement that is built once; `bound` gives its values with each call.

    Building a statement costs as much as running it: the hottest ones are built when their module loads.
    """
    return and_(table.c.tenant == bindparam("who_tenant"), table.c.user_id == bindparam("who_user"))


def bound(who: Identity) -> dict[str, Any]:
    """Return the values that `own_bound` leaves open."""
    return {"who_tenant": who.tenant, "who_user": who.user}


def visible(table: Table, who: Identity) -> ColumnElement[bool]:
    """Return the condition for the rows the caller may see: an overseer's tenant, else their own rows."""
    return table.c.tenant == who.tenant if oversees(who) else own(table, who)


def mark(who: Identity) -> list[str]:
    """Return what binds a cursor to the caller."""
    return [who.tenant, who.user, who.role]


def row_of(who: Identity, id: str) -> dict[str, Any]:
    """Return the values that every row of a user begins with."""
    return {"tenant": who.tenant, "id": id, "user_id": who.user}
