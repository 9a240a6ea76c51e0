"""LangGraph's checkpoints: SQLite in the data folder, or PostgreSQL.

A run keeps few of them: those before a node that streams or waits for a person, from which another process goes on.
What comes before is done again: its nodes only read.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

FRESH: Final = "fresh"
"""Key of a run's `configurable`: it has never begun, so nobody needs to look for a checkpoint of it."""

SPARSE: Final = "sparse"
"""Key of a run's `configurable`: only the checkpoints before a node of BOUNDARIES are kept."""

BOUNDARIES: Final = frozenset(f"branch:to:{node}" for node in ("generate", "act", "approve"))
"""The channels that hold something while one of these nodes is next, and nothing after it."""


def config_for(thread: str, *, fresh: bool = False, sparse: bool = True) -> RunnableConfig:
    """Return the configuration under which a run's graph is driven and looked up."""
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", FRESH: fresh, SPARSE: sparse}}


class _Sparse(BaseCheckpointSaver[str]):
    """Leaves out what no run goes on from. Without SPARSE in the configuration it keeps everything."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the thread's newest checkpoint; None for one that is fresh (saves 0.1 ms)."""
        return None if config.get("configurable", {}).get(FRESH) else await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep the checkpoint if it is worth it, as a whole: those before it may have been left out.

        Not the one after an answer: what clients have of it the log alone knows, which may have lost its end.
        """
        options = config.get("configurable", {})
        if not options.get(SPARSE):
            return await super().aput(config, checkpoint, metadata, new_versions)
        if checkpoint["channel_values"].keys() & BOUNDARIES:
            return await super().aput(config, checkpoint, metadata, checkpoint["channel_versions"])
        name = {key: options[key] for key in ("thread_id", "checkpoint_ns")}
        return {"configurable": {**name, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep a step's writes. A run's steps are done again as a whole, so theirs are not needed."""
        if not config.get("configurable", {}).get(SPARSE):
            await super().aput_writes(config, writes, task_id, task_path)


class SQLiteCheckpoints(_Sparse, AsyncSqliteSaver):
    """Checkpoints in SQLite."""

    async def forget(self, threads: Iterable[str]) -> None:
        """Delete the threads in one transaction."""
        names = [(thread,) for thread in threads]
        async with self.lock, self.conn.cursor() as cursor:
            for table in ("checkpoints", "writes"):
                await cursor.executemany(f"DELETE FROM {table} WHERE thread_id = ?", names)  # noqa: S608 - our names
            await self.conn.commit()

    async def threads(self) -> list[str]:
        """Return the threads that have a checkpoint."""
        async with self.lock, self.conn.execute("SELECT DISTINCT thread_id FROM checkpoints") as found:
            return [row[0] for row in await found.fetchall()]


class PostgreSQLCheckpoints(_Sparse, AsyncPostgresSaver):
    """Checkpoints in PostgreSQL."""

    async def forget(self, threads: Iterable[str]) -> None:
        """Delete the threads in one transaction."""
        names = list(threads)
        async with self._cursor(pipeline=True) as cursor:
            for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
                await cursor.execute(f"DELETE FROM {table} WHERE thread_id = ANY(%s)", (names,))  # noqa: S608 - our names

    async def threads(self) -> list[str]:
        """Return the threads that have a checkpoint."""
        async with self._cursor() as cursor:
            await cursor.execute("SELECT DISTINCT thread_id FROM checkpoints")
            return [row["thread_id"] for row in await cursor.fetchall()]


Checkpoints = SQLiteCheckpoints | PostgreSQLCheckpoints


@asynccontextmanager
async def open_checkpoints(url: str | None, folder: Path) -> AsyncGenerator[Checkpoints]:
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
