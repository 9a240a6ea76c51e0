"""One collection of the embedded index: its schema, its engine, and how the engine is exchanged.

The engine holds the GIL in every call, its optimizer too, for as long as it runs (measured: 19 s for
20,000 points). So the optimizer runs in a child process, on a copy; what is written meanwhile goes to the
engine in use and is repeated on the copy before the copy takes over.
"""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import qdrant_edge as edge
from httpx import Headers
from qdrant_client.http.exceptions import UnexpectedResponse

from ports import edge_schema
from ports.edge_schema import Schema

Result = TypeVar("Result")


def rejected(status: int, reason: str, message: str) -> UnexpectedResponse:
    """Return what a server's client would raise."""
    return UnexpectedResponse(status, reason, message.encode(), Headers())


class Shard:
    """An open collection. Reads may come from any thread, all changes from one at a time."""

    def __init__(self, folder: Path, schema: Schema) -> None:
        self.schema = schema
        self._folder = folder
        self._lock = threading.Lock()
        self._engine = _run(lambda: edge.EdgeShard.load(str(folder / schema.engine)))
        self._journal: list[edge.UpdateOperation] | None = None
        self.pending = abs(self._engine.info().points_count - schema.optimized)
        """Points written since the last optimisation; they are searched by brute force."""

    @classmethod
    def create(cls, folder: Path, schema: Schema) -> "Shard":
        """Create the collection in a folder of its own; without its file, written last, it does not exist."""
        folder.mkdir(parents=True)
        _run(
            lambda: edge.EdgeShard.create(str(folder / schema.engine), edge_schema.to_config(schema)).close()
        )
        edge_schema.write(folder, schema)
        return cls(folder, schema)

    @classmethod
    def load(cls, folder: Path) -> "Shard | None":
        """Open the collection; removes what an unfinished creation, deletion or optimisation left behind."""
        if (schema := edge_schema.read(folder)) is None:
            shutil.rmtree(folder)
            return None
        for beside in folder.iterdir():
            if beside.is_dir() and beside.name != schema.engine:
                shutil.rmtree(beside, ignore_errors=True)
        return cls(folder, schema)

    def busy(self) -> bool:
        """Tell whether a read would have to wait."""
        return self._lock.locked()

    def read(self, call: Callable[[edge.EdgeShard], Result]) -> Result:
        """Return the call's result; raises UnexpectedResponse where the engine refuses."""
        with self._lock:
            return _run(lambda: call(self._engine))

    def write(self, operation: edge.UpdateOperation, points: int = 0) -> None:
        """Apply the operation; it is in the write-ahead log when this returns."""
        with self._lock:
            _run(lambda: self._engine.update(operation))
            if self._journal is not None:
                self._journal.append(operation)
            self.pending += points

    def fresh_folder(self) -> Path:
        return self._folder / engine_name()

    def copy(self, fresh: Path) -> None:
        """Copy the engine's files; from here on changes are noted for `adopt`, until `abandon`."""
        self._journal = []
        copy_sparse(self._folder / self.schema.engine, fresh)

    def adopt(self, fresh: Path) -> None:
        """Take the optimized copy into use, with all that was written since it was made."""
        engine = edge.EdgeShard.load(str(fresh))
        journal = self._journal or []
        for operation in journal:
            _run(lambda operation=operation: engine.update(operation))
        old, old_folder = self._engine, self._folder / self.schema.engine
        schema = self.schema.with_engine(fresh.name, engine.info().points_count)
        edge_schema.write(self._folder, schema)
        with self._lock:
            self._engine, self.schema, self._journal, self.pending = engine, schema, None, len(journal)
        old.close()
        shutil.rmtree(old_folder, ignore_errors=True)

    def abandon(self, fresh: Path) -> None:
        """Forget the copy, unless it is in use by now."""
        self._journal = None
        if fresh.name != self.schema.engine:
            shutil.rmtree(fresh, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            self._engine.close()

    def delete(self) -> None:
        """Remove the collection; its file goes first."""
        (self._folder / edge_schema.FILE).unlink(missing_ok=True)
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def engine_name() -> str:
    return f"engine-{uuid4().hex[:12]}"


def _run(call: Callable[[], Result]) -> Result:
    """Return the call's result, with the engine's own errors as the ones of a server's client."""
    try:
        return call()
    except Exception as error:  # the engine raises plain Exception, without a class of its own
        if type(error) is not Exception:
            raise
        failed = "service" in str(error).lower()
        raise rejected(500 if failed else 400, "Internal" if failed else "Bad Request", str(error)) from error


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a folder, holes kept: the engine's files are mostly reserved space (41 MB of 211 measured)."""

    def copy_file(one: Any, other: Any) -> Any:
        with Path(one).open("rb") as file, Path(other).open("wb") as fresh:
            size = os.fstat(file.fileno()).st_size
            os.truncate(fresh.fileno(), size)
            _copy_data(file.fileno(), fresh.fileno(), size)
        return other

    shutil.copytree(source, target, copy_function=copy_file)


def _copy_data(source: int, target: int, size: int) -> None:
    at = 0
    while at < size:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        end = os.lseek(source, at, os.SEEK_HOLE)
        os.lseek(source, at, os.SEEK_SET)
        os.lseek(target, at, os.SEEK_SET)
        while at < end:
            at += os.write(target, os.read(source, min(end - at, 1 << 20)))
