"""PostgreSQL over psycopg's asyncio connections, a few of them a process."""

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from psycopg import AsyncConnection
from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import AsyncConnection as Opened
from sqlalchemy.ext.asyncio import create_async_engine

T = TypeVar("T")

SILENT_S: Final = 10.0
"""Seconds after which a server is given up that takes a statement and does not answer it."""


class PostgreSQL:
    """A Database on a PostgreSQL server; belongs to the event loop that first uses it."""

    def __init__(self, url: URL, silent: float = SILENT_S) -> None:
        """`silent`: seconds for one statement's answer; a transaction of many may take longer."""
        connect = {
            "async_creator_fn": partial(_Line.open, silent),
            "connect_timeout": max(2, round(silent / 2)),
        }
        self._writing = create_async_engine(
            url, pool_size=5, max_overflow=5, pool_timeout=10, pool_pre_ping=True, connect_args=connect
        )
        self._reading = self._writing.execution_options(isolation_level="AUTOCOMMIT")

    async def read(self, work: Callable[[Connection], T]) -> T:
        async with self._reading.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        async with self._writing.begin() as connection:
            if not patient:
                return await connection.run_sync(work)
            line = await _line_of(connection)
            silent, line.silent = line.silent, None
            try:
                return await connection.run_sync(work)
            finally:
                line.silent = silent

    async def dispose(self) -> None:
        await self._writing.dispose()


class _Line(AsyncConnection[Any]):
    """A connection that is ended where the server is silent for too long: TCP alone may wait for hours."""

    silent: float | None = None

    @classmethod
    async def open(cls, silent: float, *args: Any, **options: Any) -> "_Line":
        line = await cls.connect(*args, **options)
        line.silent = silent
        return line

    async def wait(self, *args: Any, **options: Any) -> Any:
        if self.silent is None:
            return await super().wait(*args, **options)
        alarm = asyncio.get_running_loop().call_later(self.silent, self._hang_up)
        try:
            return await super().wait(*args, **options)
        finally:
            alarm.cancel()

    def _hang_up(self) -> None:
        """End the line as the server would; whoever waits gets psycopg's OperationalError."""
        with socket.socket(fileno=os.dup(self.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)


async def _line_of(connection: Opened) -> _Line:
    opened = (await connection.get_raw_connection()).driver_connection
    assert isinstance(opened, _Line)
    return opened
