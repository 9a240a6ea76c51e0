"""The files of a walk, kept on disk: memory does not grow with their number.

A temporary SQLite table rather than a list: 200,000 files took 120 MB as objects. It also tells what a stream cannot:
how many there are, in the order of their names, and whether two of them want the same name.
"""

import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from ingest.walk import Found, Root, Walk, named

PAGE: Final = 512
"""Files that are in memory, and are looked up in the index, at a time."""
TABLE: Final = """
pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -2000;
create table files (source text primary key, path blob not null, size integer not null, clash integer not null)
without rowid
"""
ADD: Final = """
insert into files values (?, ?, ?, 0)
on conflict (source) do update set clash = 1 where path <> excluded.path
"""
NEXT: Final = "select source, path, size from files where source > ? and not clash order by source limit ?"


class Files(Protocol):
    """A list, or what takes less memory (ingest/spool.py)."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Found]: ...


def pages(files: Iterable[Found]) -> Iterator[list[Found]]:
    """Yield the files, PAGE at a time."""
    rest = iter(files)
    while page := list(islice(rest, PAGE)):
        yield page


class Spool:
    """The files that arguments name, sorted by source, each once. Used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._count = 0
        self.roots: list[Root] = []
        self.clashes: dict[str, str] = {}
        """As in Walk."""
        self.skipped: Counter[str] = Counter()

    def fill(self, arguments: Sequence[str]) -> None:
        """Walk what the arguments name; raises BadRequest for one that names nothing."""
        found = Walk()
        self._connection.executescript(TABLE)
        rows = ((file.source, os.fsencode(file.path), file.size) for file in named(arguments, found))
        self._connection.executemany(ADD, rows)
        self.roots, self.skipped = found.roots, +found.skipped  # without zeros
        twice = self._connection.execute("select source from files where clash")
        self.clashes = found.clashes | {source: Walk.clash(source) for (source,) in twice}
        self._count = self._connection.execute("select count(*) from files where not clash").fetchone()[0]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Found]:
        after = ""
        while rows := self._connection.execute(NEXT, (after, PAGE)).fetchall():
            for source, path, size in rows:
                yield Found(Path(os.fsdecode(path)), source, size)
            after = rows[-1][0]

    def absent(self, sources: Iterable[str]) -> list[str]:
        """Return those that the walk did not meet, clashes included in what it met."""
        find = "select 1 from files where source = ?"
        return [one for one in sources if self._connection.execute(find, (one,)).fetchone() is None]


@contextmanager
def spooled() -> Generator[Spool]:
    """Give an empty spool; its file goes with the block."""
    with tempfile.TemporaryDirectory(prefix="switchboard-walk-") as folder:
        connection = sqlite3.connect(
            Path(folder, "files.sqlite"), isolation_level=None, check_same_thread=False
        )
        try:
            yield Spool(connection)
        finally:
            connection.close()
