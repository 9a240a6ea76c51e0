"""All that an ingest stores, for comparison: every point with its payload and vectors, and the database's rows."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from ports.qdrant import open_vectors

COLLECTION: Final = "passages"
PAGE: Final = 500
TABLES: Final = ("documents", "editions", "erasures")
OF_THE_RUN: Final = frozenset({"id", "created_at", "updated_at", "at", "owner", "stat"})
"""Columns that are of one run: its clock, its random ids, and what the file system said then."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored."""

    points: dict[str, dict[str, Any]]
    """Payload and digests of the vectors, by the point's id."""
    rows: dict[str, list[str]]
    """By table, each row as JSON, sorted."""

    def against(self, other: "Stored") -> list[str]:
        """Return how another differs from this one, a line each; nothing where it is the same."""
        said = [f"the point {id} is missing" for id in sorted(self.points.keys() - other.points.keys())]
        said += [
            f"the point {id} is too much: {other.points[id]['payload'].get('source')}"
            for id in sorted(other.points.keys() - self.points.keys())
        ]
        for id in sorted(self.points.keys() & other.points.keys()):
            mine, theirs = self.points[id], other.points[id]
            said += [f"the point {id} has another {part}" for part in mine if mine[part] != theirs[part]]
        for table in TABLES:
            lost = set(self.rows[table]) - set(other.rows[table])
            more = set(other.rows[table]) - set(self.rows[table])
            said += [f"{table} lacks {row}" for row in sorted(lost)]
            said += [f"{table} has {row}" for row in sorted(more)]
        return said


async def stored(data: Path) -> Stored:
    """Return what a data folder holds that no process has open."""
    points: dict[str, dict[str, Any]] = {}
    async with open_vectors(None, None, data / "qdrant") as client:
        offset: Any = None
        while True:
            records, offset = await client.scroll(
                COLLECTION, limit=PAGE, offset=offset, with_payload=True, with_vectors=True
            )
            for record in records:
                points[str(record.id)] = {"payload": record.payload, "vectors": digest(record.vector)}
            if offset is None:
                break
    with closing(sqlite3.connect(data / "switchboard.sqlite")) as database:
        rows = {table: rows_of(database, table) for table in TABLES}
    return Stored(points, rows)


def digest(vectors: Any) -> str:
    """Return a digest of a point's vectors, every number of them."""
    plain = {name: getattr(one, "__dict__", one) for name, one in sorted(vectors.items())}
    return hashlib.sha256(orjson.dumps(plain, default=list, option=orjson.OPT_SORT_KEYS)).hexdigest()


def rows_of(database: sqlite3.Connection, table: str) -> list[str]:
    """Return a table's rows without what is of one run."""
    found = database.execute(f"select * from {table}")  # noqa: S608 - a constant of ours
    names = [column[0] for column in found.description]
    kept = ({n: v for n, v in zip(names, row, strict=True) if n not in OF_THE_RUN} for row in found)
    return sorted(orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode() for row in kept)
