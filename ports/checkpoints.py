"""LangGraph's checkpoints: SQLite in the data folder, or PostgreSQL."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

FRESH: Final = "fresh"
"""Key of a run's `configurable`: it has never begun, so nobody needs to look for a checkpoint of it."""


class SQLiteCheckpoints(AsyncSqliteSaver):
    """Checkpoints in SQLite; a look that cannot find anything takes no way through its thread (0.1 ms)."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the run's newest checkpoint; None for one that is fresh."""
        return None if _fresh(config) else await super().aget_tuple(config)


class PostgreSQLCheckpoints(AsyncPostgresSaver):
    """Checkpoints in PostgreSQL, looked for as in SQLite."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the run's newest checkpoint; None for one that is fresh."""
        return None if _fresh(config) else await super().aget_tuple(config)


def _fresh(config: RunnableConfig) -> bool:
    return bool(config.get("configurable", {}).get(FRESH))


@asynccontextmanager
async def open_checkpoints(url: str | None, folder: Path) -> AsyncGenerator[BaseCheckpointSaver[Any]]:
    """Open the checkpoints of PostgreSQL at `url`, or of the SQLite file in the folder."""
    if url:
        plain = url.replace("postgresql+psycopg://", "postgresql://")
        options: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        pool = AsyncConnectionPool(plain, min_size=1, max_size=4, kwargs=options, open=False)
        async with pool:
            saver = PostgreSQLCheckpoints(pool)  # pyright: ignore[reportArgumentType] - rows are dicts by `options`
            await saver.setup()
            yield saver
        return
    async with aiosqlite.connect(folder / "checkpoints.sqlite") as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=NORMAL")
        saver = SQLiteCheckpoints(connection)
        await saver.setup()
        yield saver
