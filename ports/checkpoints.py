"""LangGraph's checkpoints: SQLite in the data folder, or PostgreSQL."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool


@asynccontextmanager
async def open_checkpoints(url: str | None, folder: Path) -> AsyncGenerator[BaseCheckpointSaver[Any]]:
    """Open the checkpoints of PostgreSQL at `url`, or of the SQLite file in the folder."""
    if url:
        plain = url.replace("postgresql+psycopg://", "postgresql://")
        options: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        pool = AsyncConnectionPool(plain, min_size=1, max_size=4, kwargs=options, open=False)
        async with pool:
            saver = AsyncPostgresSaver(pool)  # pyright: ignore[reportArgumentType] - rows are dicts by `options`
            await saver.setup()
            yield saver
        return
    async with aiosqlite.connect(folder / "checkpoints.sqlite") as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=NORMAL")
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        yield saver
