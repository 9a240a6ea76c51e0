"""Databases for tests: a fresh file, or a fresh copy on a private server; both with the newest tables."""

import asyncio
import functools
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg

from contracts.identity import Identity
from store.engine import Database, engine_for
from store.migrate import upgrade
from store.tables import metadata
from tests.servers.postgres import PostgresServer, require_postgres

KINDS = ("sqlite", "postgres")
Place = str
"""A database's URL."""

ANN = Identity("acme", "ann", "sales", "member", "key_ann")
BOB = Identity("acme", "bob", "hr", "member")
OWNER = Identity("acme", "olga", "", "owner")
STRANGER = Identity("other", "ann", "sales", "owner")
"""The same user name in another tenant."""


@contextmanager
def sqlite_place(folder: Path) -> Iterator[Place]:
    """Yield a fresh file in the folder."""
    file = folder / f"{uuid.uuid4().hex}.db"
    shutil.copyfile(_sqlite_template(), file)
    yield f"sqlite:///{file}"


@contextmanager
def postgres_place() -> Iterator[Place]:
    """Yield the one migrated database of the session's server, and empty it afterwards."""
    place = _migrated(require_postgres())
    yield place
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {names}")


@contextmanager
def empty_place(kind: str, folder: Path) -> Iterator[Place]:
    """Yield a database of the kind without any table."""
    name = f"empty_{uuid.uuid4().hex}"
    if kind == "sqlite":
        yield f"sqlite:///{folder / name}.db"
        return
    server = require_postgres()
    yield server.create(name)
    server.drop(name)


@asynccontextmanager
async def open_place(place: Place) -> AsyncIterator[Database]:
    """Yield the open database."""
    database = engine_for(place)
    try:
        yield database
    finally:
        await database.dispose()


def migrate(place: Place) -> None:
    """Bring the tables to the newest, outside any running event loop."""

    async def run() -> None:
        async with open_place(place) as database:
            await upgrade(database)

    asyncio.run(run())


@functools.cache
def _sqlite_template() -> Path:
    file = Path(tempfile.mkdtemp(prefix="store-")) / "template.db"
    migrate(f"sqlite:///{file}")
    return file


@functools.cache
def _migrated(server: PostgresServer) -> Place:
    place = server.create("migrated")
    migrate(place)
    return place
