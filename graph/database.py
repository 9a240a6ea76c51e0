"""Opens the database that the settings name. Apart from the wiring: `keys` needs no index, log or model."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from contracts.errors import SetupError
from ports.settings import Settings
from store.engine import Database, engine_for
from store.migrate import upgrade


@asynccontextmanager
async def open_database(settings: Settings, folder: Path | None = None) -> AsyncGenerator[Database]:
    """Open the database with the newest tables, and close it at the end. Raises SetupError."""
    folder = folder or settings.data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SetupError(
            f"The data folder {str(folder)!r} cannot be written ({error.strerror}). "
            "Set SWITCHBOARD_DATA_DIR to a folder that this user may write."
        ) from error
    url = settings.database_url
    database = engine_for(url.get_secret_value() if url else f"sqlite:///{folder}/switchboard.sqlite")
    try:
        await upgrade(database)
        yield database
    finally:
        await database.dispose()
