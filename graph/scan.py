"""Looks for a text in every store, to prove that something is gone: the index, SQL, the log, checkpoints and files."""

import asyncio
import mmap
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, LargeBinary, inspect, text

from graph.wiring import Wiring
from ports.edge import EdgeClient
from ports.edge_rewrite import rewrite


class Place(NamedTuple):
    """Where the text is."""

    store: str
    """`index`, `sql`, `log` or `file`."""
    name: str
    """Collection and point, table and column, key, or path below the data folder."""
    times: int


async def scan(wiring: Wiring, wanted: str) -> list[Place]:
    """Return every place that holds the text, in any case of its letters as it was written."""
    found = [place async for place in in_index(wiring.ports.vectors, wanted)]
    found += await wiring.database.read(lambda connection: list(in_sql(connection, wanted)))
    found += [place async for place in in_log(wiring.ports.redis, wanted.encode())]
    return found + list(in_files(wiring.ports.folder.path, wanted.encode()))


async def in_index(client: Any, wanted: str) -> AsyncIterator[Place]:
    """Yield the points whose payload has the text, of every collection."""
    for collection in (await client.get_collections()).collections:
        offset, count = None, 0
        while True:
            records, offset = await client.scroll(
                collection.name, limit=500, offset=offset, with_payload=True, with_vectors=False
            )
            count += sum(wanted in said(record.payload) for record in records)
            if offset is None:
                break
        if count:
            yield Place("index", collection.name, count)


def said(value: Any) -> str:
    """Return all texts in a value."""
    match value:
        case str():
            return value
        case dict():
            return "\n".join(f"{said(key)}\n{said(one)}" for key, one in value.items())
        case list() | tuple() | set():
            return "\n".join(said(one) for one in value)
        case bytes():
            return value.decode(errors="replace")
        case _:
            return ""


def in_sql(connection: Connection, wanted: str) -> Iterator[Place]:
    """Yield every column of every table that has the text, the checkpoints' tables on PostgreSQL included."""
    ascii_ = wanted.encode("unicode_escape").decode()
    for table in inspect(connection).get_table_names():
        for column in inspect(connection).get_columns(table):
            name = connection.dialect.identifier_preparer.quote(column["name"])
            place = connection.dialect.identifier_preparer.quote(table)
            if isinstance(column["type"], LargeBinary):
                hexed = "hex({})" if connection.dialect.name == "sqlite" else "encode({}, 'hex')"
                value, needles = hexed.format(name), [wanted.encode().hex()]
                value = f"lower({value})"
            else:
                value, needles = f"cast({name} as text)", [wanted, ascii_]
            where = " or ".join(f"replace({value}, :n{at}, '') <> {value}" for at in range(len(needles)))
            query = text(f"select count(*) from {place} where {where}")  # noqa: S608 - names from the catalogue
            count = connection.execute(query, {f"n{at}": one for at, one in enumerate(needles)}).scalar_one()
            if count:
                yield Place("sql", f"{table}.{column['name']}", count)


async def in_log(redis: Any, wanted: bytes) -> AsyncIterator[Place]:
    """Yield every key whose name or value, of whichever type, has the text."""
    async for key in redis.scan_iter(count=1000):
        values = await value_of(redis, key)
        if wanted in key or wanted in values:
            yield Place("log", key.decode(errors="replace"), values.count(wanted) or 1)


async def value_of(redis: Any, key: bytes) -> bytes:
    """Return all that is under a key, one after the other."""
    match await redis.type(key):
        case b"string":
            return await redis.get(key) or b""
        case b"hash":
            return b"\n".join(part for pair in (await redis.hgetall(key)).items() for part in pair)
        case b"list":
            return b"\n".join(await redis.lrange(key, 0, -1))
        case b"set":
            return b"\n".join(await redis.smembers(key))
        case b"zset":
            return b"\n".join(await redis.zrange(key, 0, -1))
        case b"stream":
            entries = await redis.execute_command("XRANGE", key, "-", "+")
            return b"\n".join(part for _, fields in entries for pair in fields.items() for part in pair)
        case _:
            return b""


def in_files(folder: Path, wanted: bytes) -> Iterator[Place]:
    """Yield every file of the data folder that has the text: what a database has freed but not overwritten, too."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at, count = data.find(wanted), 0
            while at >= 0:
                count, at = count + 1, data.find(wanted, at + 1)
        if count:
            yield Place("file", path.relative_to(folder).as_posix(), count)


async def compact(wiring: Wiring) -> None:
    """Overwrite what was deleted but still lies in files: SQLite's free pages, Valkey's log, the index's segments.

    Servers do so in their own time: see docs/ingest.md for what to set there.
    """
    await wiring.library.settle(patient=True)
    settings, ports = wiring.ports.settings, wiring.ports
    if isinstance(ports.vectors, EdgeClient):
        for collection in (await ports.vectors.get_collections()).collections:
            await rewrite(ports.vectors, collection.name)
    if settings.redis_url is None:
        await rewritten(ports.redis)
    for name in ("switchboard.sqlite", "checkpoints.sqlite"):
        if (file := ports.folder.path / name).exists():
            await asyncio.to_thread(vacuum, file)


def vacuum(file: Path) -> None:
    """Write an SQLite file anew without its free pages, and empty its log."""
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def rewritten(redis: Any) -> None:
    """Write Valkey's append-only file anew from what there is."""
    await redis.execute_command("BGREWRITEAOF")
    while True:
        info = await redis.info("persistence")
        if not (info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"]):
            return
        await asyncio.sleep(0.05)
