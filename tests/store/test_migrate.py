"""Migrations from nothing: the same tables as the metadata's, once, whoever comes first."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from store import conversations
from store.migrate import NEWEST, upgrade
from store.tables import metadata
from tests.store.places import ANN, KINDS, Place, empty_place, open_place

_INDEXES = {
    "sqlite": "SELECT tbl_name, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type = 'index'",
    "postgresql": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}
_COLLATIONS = """SELECT table_name, column_name, collation_name FROM information_schema.columns
    WHERE table_schema = 'public'"""


@pytest.fixture(params=KINDS)
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with empty_place(request.param, tmp_path) as place:
        yield place


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, metadata)


def _shape(connection: Connection) -> set[tuple[Any, ...]]:
    """Return what Alembic does not compare: conditions of indexes, and collations."""
    queries = [_INDEXES[connection.dialect.name]]
    queries += [_COLLATIONS] if connection.dialect.name == "postgresql" else []
    rows = [tuple(row) for query in queries for row in connection.execute(text(query))]
    return {row for row in rows if row[0] != "alembic_version"}


async def test_migrations_from_nothing_make_the_tables_of_the_metadata(nothing: Place) -> None:
    async with open_place(nothing) as database:
        await upgrade(database)
        assert await database.read(_differences) == []
        migrated = await database.read(_shape)
        await database.write(metadata.drop_all)
        await database.write(metadata.create_all)
        assert migrated == await database.read(_shape)
        assert len(migrated) >= 10


async def test_two_that_start_at_once_both_find_the_tables(nothing: Place) -> None:
    async with open_place(nothing) as one, open_place(nothing) as two:
        await asyncio.gather(upgrade(one), upgrade(two), upgrade(one))
        made = await conversations.create(one, ANN)
        await upgrade(two)
        assert await conversations.get(two, ANN, made["id"]) == made


async def test_a_migration_that_fails_leaves_nothing_behind(nothing: Place) -> None:
    async with open_place(nothing) as database:
        await database.write(lambda connection: metadata.tables["usage"].create(connection))
        with pytest.raises(Exception, match="usage"):
            await upgrade(database)
        await database.write(lambda connection: metadata.tables["usage"].drop(connection))
        await upgrade(database)
        assert await database.read(_differences) == []


def test_newest_is_the_last_migration_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", "store/migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]
