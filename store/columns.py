"""The column types: text that every database accepts.

PostgreSQL refuses NUL, and no UTF-8 holds half a surrogate pair, yet JSON can carry both into a message
or an id. They become U+FFFD here, in values that are written and in values that are searched for.
"""

from typing import Any

from sqlalchemy import JSON, Dialect, Text
from sqlalchemy.types import TypeDecorator, TypeEngine


def to_storable(text: str) -> str:
    """Return the text with NUL and lone surrogates replaced by U+FFFD."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "\ufffd")


class Words(TypeDecorator[str]):
    """Text for people, in the database's own collation."""

    impl = Text
    cache_ok = True

    @property
    def python_type(self) -> type[str]:
        return str

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else to_storable(value)


class Name(Words):
    """An id, a time or a code: compared byte by byte on both databases, so that sorting agrees."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text(collation="C") if dialect.name == "postgresql" else self.impl_instance


Json = JSON(none_as_null=True)
"""Kept as it was written: `json` on PostgreSQL, text on SQLite."""
