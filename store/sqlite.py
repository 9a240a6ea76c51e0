"""SQLite in one file: write-ahead log, one thread that writes, a few that read.

`synchronous=NORMAL`: after kill -9 every committed transaction is there, because the log is in the
operating system's hands before a commit returns. After power loss the file is intact, but transactions
since the last checkpoint may be missing; `synchronous=FULL` in the URL's query closes that gap for an
fsync a commit.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event

T = TypeVar("T")

_READERS = 2


class SQLite:
    """A Database over one SQLite file. Other processes may use the file at the same time."""

    def __init__(self, url: URL) -> None:
        level = str(url.query.get("synchronous", "NORMAL")).upper()
        self._reading = create_engine(
            url.difference_update_query(["synchronous"]),
            connect_args={"check_same_thread": False, "isolation_level": None},
            pool_size=_READERS + 1,
            max_overflow=0,
        )
        _prepare(self._reading, "FULL" if level == "FULL" else "NORMAL")
        self._writing = self._reading.execution_options(immediate=True)
        self._readers = ThreadPoolExecutor(_READERS, "store-read")
        self._writer = ThreadPoolExecutor(1, "store-write")

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await _hand_over(self._readers, self._reading, work)

    async def write(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        return await _hand_over(self._writer, self._writing, work)

    async def dispose(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._reading.dispose()


async def _hand_over(threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]) -> T:
    def transaction() -> T:
        with engine.begin() as connection:
            return work(connection)

    return await asyncio.get_running_loop().run_in_executor(threads, transaction)


def _prepare(engine: Engine, synchronous: str) -> None:
    """Set every new connection up, and let writers take the lock when they begin.

    A transaction that reads first and asks for the lock later can be refused at once, whatever the timeout.
    """

    def connect(connection: Any, _record: Any) -> None:
        _use_wal(connection)
        for setting in (
            f"synchronous={synchronous}",
            "busy_timeout=10000",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {setting}")
        # SQLite's own lower() knows ASCII only.
        connection.create_function("lower", 1, _lower, deterministic=True)

    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)


def _use_wal(connection: Any, tries: int = 200) -> None:
    """Switch the file to WAL; while another process makes it, SQLite refuses at once, whatever the timeout."""
    for left in range(tries, 0, -1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if left == 1:
                raise
            time.sleep(0.02)


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text
