"""Bring a database to the newest tables.

One transaction under one lock: a second process that starts at the same time waits, then finds nothing
to do, and a migration that fails leaves the database as it was.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from store.dialect import lock
from store.engine import Database

NEWEST = "0004"
"""The last migration's revision; a test holds it to the folder."""

_FOLDER = Path(__file__).parent / "migrations"


async def upgrade(database: Database) -> None:
    """Apply the migrations that the database lacks; a new one gets them all."""
    if await database.read(_version) != NEWEST:
        await database.write(_upgrade, patient=True)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    # Alembic takes a quarter of a second to import; an up-to-date database never needs it.
    from alembic import command
    from alembic.config import Config

    lock(connection, "switchboard", "migrations")
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _FOLDER.as_posix().replace("%", "%%"))
    command.upgrade(config, "head")
