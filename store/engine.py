"""One way to run SQL for both databases: a plain function of a connection is one transaction.

The functions are synchronous on purpose. SQLite runs the whole function in a thread of its own, one
hand-over a transaction; statement by statement through aiosqlite the same work took three times as long.
PostgreSQL runs the very same function over psycopg's asyncio connection.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, make_url

from contracts.errors import SetupError

P = ParamSpec("P")
T = TypeVar("T")


class Database(Protocol):
    """What the store runs on. A cancelled caller leaves a transaction wholly done or wholly undone."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return the work's result; it must not write."""
        ...

    async def write(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        """Run the work in one transaction and return its result when it is committed.

        An exception from the work undoes it all. `patient`: it may take minutes.
        """
        ...

    async def dispose(self) -> None:
        """Finish what is under way and close every connection."""
        ...


def engine_for(url: str) -> Database:
    """Return the database at the URL: `sqlite:////folder/file.db` or `postgresql://user@host/name`.

    Opens nothing yet. A driver in the URL (`sqlite+aiosqlite`) is ignored: each kind has one.
    Raises SetupError for another kind, or for SQLite without a file.
    """
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            from store.sqlite import SQLite

            return SQLite(parsed.set(drivername="sqlite+pysqlite"))
        case "postgresql" | "postgres":
            from store.postgres import PostgreSQL

            return PostgreSQL(parsed.set(drivername="postgresql+psycopg"))
        case other:
            raise SetupError(
                f"The database URL begins with {other!r}, which cannot be used here. "
                "Give sqlite:////folder/file.db or postgresql://user@host/name."
            )


def reads(
    work: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[Database, P], Coroutine[Any, Any, T]]:
    """Turn a query of a connection into a coroutine of a database."""

    @wraps(work)
    async def run(database: Database, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await database.read(lambda connection: work(connection, *args, **kwargs))

    return run


def writes(
    work: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[Database, P], Coroutine[Any, Any, T]]:
    """Turn a change over a connection into a coroutine of a database: one transaction."""

    @wraps(work)
    async def run(database: Database, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await database.write(lambda connection: work(connection, *args, **kwargs))

    return run
