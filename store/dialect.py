"""The two places where the databases differ in their SQL."""

import functools
import hashlib
from typing import Any

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an insert that knows ON CONFLICT, in the connection's dialect.

    Both dialects' classes have the same methods but no common type, hence Any.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


@functools.cache
def add_unless_there(dialect: str, table: Table) -> Any:
    """Return an insert that does nothing on any conflict and returns the id where it inserted."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing().returning(table.c.id)


def lock(connection: Connection, *name: str) -> None:
    """Hold the named lock until the transaction ends. On SQLite a writing transaction is the lock already."""
    if connection.dialect.name == "postgresql":
        digest = hashlib.sha256("\x00".join(name).encode("utf-8", "replace")).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
