"""LangGraph's checkpoints: SQLite in the data folder, or PostgreSQL.

A run keeps few of them: those before a node that streams or waits for a person, from which another process goes on.
What comes before is done again: its nodes only read.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite
import psycopg
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

from contracts.errors import StoreUnavailable
from contracts.patience import STORE_S, patiently

T = TypeVar("T")

FRESH: Final = "fresh"
"""Key of a run's `configurable`: it has never begun, so nobody needs to look for a checkpoint of it."""

SPARSE: Final = "sparse"
"""Key of a run's `configurable`: only the checkpoints before a node of BOUNDARIES are kept."""

BOUNDARIES: Final = frozenset(f"branch:to:{node}" for node in ("generate", "act", "approve"))
"""The channels that hold something while one of these nodes is next, and nothing after it."""

SILENT_S: Final = 10.0
"""Seconds after which a try is given up that gets no answer."""

RECONNECT_S: Final = 5.0
"""Seconds for which the pool tries to connect, and for which a checkpoint waits for one of its connections."""


def config_for(thread: str, *, fresh: bool = False, sparse: bool = True) -> RunnableConfig:
    """Return the configuration under which a run's graph is driven and looked up."""
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", FRESH: fresh, SPARSE: sparse}}


class _Sparse(BaseCheckpointSaver[str]):
    """Leaves out what no run goes on from. Without SPARSE in the configuration it keeps everything."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the thread's newest checkpoint; None for one that is fresh (saves 0.1 ms)."""
        if config.get("configurable", {}).get(FRESH):
            return None
        get = super().aget_tuple
        return await _until_answered(lambda: get(config))

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
            put, whole = super().aput, checkpoint["channel_versions"]
            return await _until_answered(lambda: put(config, checkpoint, metadata, whole))
        name = {key: options[key] for key in ("thread_id", "checkpoint_ns")}
        return {"configurable": {**name, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep a step's writes. A run's steps are done again as a whole, so theirs are not needed."""
        if not config.get("configurable", {}).get(SPARSE):
            await super().aput_writes(config, writes, task_id, task_path)

    async def forget(self, threads: Iterable[str]) -> None:
        """Delete the threads in one transaction. Raises StoreUnavailable."""
        names = list(threads)
        await _until_answered(lambda: self._forget(names), 0)

    async def threads(self) -> list[str]:
        """Return the threads that have a checkpoint. Raises StoreUnavailable."""
        return await _until_answered(self._threads, 0)

    async def _forget(self, names: list[str]) -> None:
        raise NotImplementedError

    async def _threads(self) -> list[str]:
        raise NotImplementedError


async def _until_answered(work: Callable[[], Awaitable[T]], patience: float = STORE_S) -> T:
    """Return what the database gives, asked again for `patience` seconds. Raises StoreUnavailable.

    A pool hands out each of its connections once more after the server was away, so one failure says nothing yet.
    """

    async def once() -> T:
        try:
            async with asyncio.timeout(SILENT_S):
                return await work()
        except (
            sqlite3.OperationalError,
            psycopg.OperationalError,
            psycopg.InterfaceError,
            TimeoutError,
        ) as outage:
            raise StoreUnavailable("The database does not answer. Try again in a moment.") from outage

    return await patiently(once, lambda error: isinstance(error, StoreUnavailable), patience)


class SQLiteCheckpoints(_Sparse, AsyncSqliteSaver):
    """Checkpoints in SQLite."""

    async def _forget(self, names: list[str]) -> None:
        rows = [(name,) for name in names]
        async with self.lock, self.conn.cursor() as cursor:
            for table in ("checkpoints", "writes"):
                await cursor.executemany(f"DELETE FROM {table} WHERE thread_id = ?", rows)  # noqa: S608 - our names
            await self.conn.commit()

    async def _threads(self) -> list[str]:
        async with self.lock, self.conn.execute("SELECT DISTINCT thread_id FROM checkpoints") as found:
            return [row[0] for row in await found.fetchall()]


class PostgreSQLCheckpoints(_Sparse, AsyncPostgresSaver):
    """Checkpoints in PostgreSQL."""

    async def _forget(self, names: list[str]) -> None:
        async with self._cursor(pipeline=True) as cursor:
            for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
                await cursor.execute(f"DELETE FROM {table} WHERE thread_id = ANY(%s)", (names,))  # noqa: S608 - our names

    async def _threads(self) -> list[str]:
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
        # After an outage the pool would wait as long again as it has tried so far: it begins anew every RECONNECT_S.
        waits: dict[str, Any] = {"timeout": RECONNECT_S, "reconnect_timeout": RECONNECT_S}
        pool = AsyncConnectionPool(plain, min_size=1, max_size=4, kwargs=options, open=False, **waits)
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
