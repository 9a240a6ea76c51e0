"""PostgreSQL over psycopg's asyncio connections, a few of them a process."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import create_async_engine

T = TypeVar("T")


class PostgreSQL:
    """A Database on a PostgreSQL server; belongs to the event loop that first uses it."""

    def __init__(self, url: URL) -> None:
        self._writing = create_async_engine(
            url, pool_size=5, max_overflow=5, pool_timeout=10, pool_pre_ping=True
        )
        self._reading = self._writing.execution_options(isolation_level="AUTOCOMMIT")

    async def read(self, work: Callable[[Connection], T]) -> T:
        async with self._reading.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with self._writing.begin() as connection:
            return await connection.run_sync(work)

    async def dispose(self) -> None:
        await self._writing.dispose()
