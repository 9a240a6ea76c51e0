"""Uploads: a file is on disk and its job in the database before the answer says 202, and a restart goes on with it.

Each upload has a folder of its own with the file and a note of whose it is; the folder goes when the job ends.
"""

import asyncio
import contextlib
import json
import logging
import re
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from contracts.errors import BadRequest, Internal, Unknown, UnreadableDocument
from contracts.identity import Identity
from graph.failures import known
from graph.wiring import Wiring
from server.log import Log, RunLog
from store import documents, jobs
from store.engine import Database

RUNNING_AT_ONCE: Final = 2
NAME_LIMIT: Final = 200
NOTE: Final = "upload.json"
DRAFT: Final = "upload.part"
"""The note until the whole file is there: nobody was told 202 yet."""

logger = logging.getLogger("switchboard.jobs")


Indexer = Callable[
    [Sequence[tuple[Path, str]], str, list[str], Callable[[str, int, int], None]], Awaitable[dict[str, Any]]
]
"""Indexes files (path, source) for a tenant and groups; tells stage, done and total; returns the report."""

IndexerFor = Callable[[Wiring], Indexer]
"""Makes the indexer over the open parts; the server knows nothing else of ingest."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that was accepted."""

    job_id: str
    who: Identity
    source: str
    groups: list[str]


class Jobs:
    """Takes uploads in and indexes them, a few at a time."""

    def __init__(self, folder: Path, database: Database, log: Log, indexer: Indexer, log_ttl: float) -> None:
        self._folder = folder / "uploads"
        self._database = database
        self._log = log
        self._indexer = indexer
        self._ttl = log_ttl
        self._places = asyncio.Semaphore(RUNNING_AT_ONCE)
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """One lock a document: two uploads of it are indexed in their order, so the last one stays."""
        self._tasks: set[asyncio.Task[None]] = set()

    def log_key(self, tenant: str, job_id: str) -> str:
        """Return the Redis key of a job's log."""
        return f"sb:{tenant}:job:{job_id}:log"

    async def accept(
        self, who: Identity, name: str, read: Callable[[Path], Awaitable[int]], groups: list[str]
    ) -> jobs.Job:
        """Keep the file that `read` writes to a path, and return its job. Raises BadRequest for an unusable name."""
        source = require_name(name)
        job = await jobs.create(self._database, who, [source], total=1)
        place = self._folder / job["id"]
        place.mkdir(parents=True, mode=0o700)
        upload = Upload(job["id"], who, source, groups)
        (place / DRAFT).write_text(json.dumps(asdict(upload)))
        try:
            size = await read(place / "file")
            if size == 0:
                raise UnreadableDocument(f"{source}: the file is empty. Choose one with text in it.")
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            await jobs.finish(self._database, who, job["id"], "failed", error=known(error).message)
            raise
        (place / DRAFT).rename(place / NOTE)
        self._start(upload)
        return job

    async def recover(self) -> int:
        """Go on with the uploads that an earlier process accepted, and end those that it had only begun to read."""
        left = sorted(self._folder.glob(f"*/{NOTE}"))
        for note in left:
            self._start(_read(note))
        for draft in self._folder.glob(f"*/{DRAFT}"):
            await self._give_up(draft)
        await jobs.abandon(self._database, [note.parent.name for note in left])
        return len(left)

    async def _give_up(self, draft: Path) -> None:
        try:
            upload = _read(draft)
        except ValueError:  # the crash came while it was written
            logger.warning("%s holds no upload", draft.parent.name)
        else:
            why = f"{upload.source} did not arrive whole: the server stopped meanwhile. Upload it again."
            with contextlib.suppress(Unknown):
                await jobs.finish(self._database, upload.who, upload.job_id, "failed", error=why)
        shutil.rmtree(draft.parent, ignore_errors=True)

    async def close(self) -> None:
        """Stop; what is under way is taken up at the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=3)

    def _start(self, upload: Upload) -> None:
        task = asyncio.create_task(self._own(upload), name=upload.job_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _own(self, upload: Upload) -> None:
        turn = self._turns.setdefault((upload.who.tenant, upload.source), asyncio.Lock())
        async with turn:  # before anything else is awaited: tasks begin in the order in which they were made
            await self._take_in(upload)

    async def _take_in(self, upload: Upload) -> None:
        log = RunLog(self.log_key(upload.who.tenant, upload.job_id))
        await self._log.resume(log)

        def tell(stage: str, done: int, total: int) -> None:
            data = {"stage": stage, "done": done, "total": total}
            self._log.append(log, "progress", data, expire=self._ttl)

        tell("waiting", 0, 1)
        async with self._places:
            name, data = await self._index(upload, tell)
        self._log.append(log, name, data, expire=self._ttl)
        await self._log.flush()
        shutil.rmtree(self._folder / upload.job_id, ignore_errors=True)

    async def _index(
        self, upload: Upload, tell: Callable[[str, int, int], None]
    ) -> tuple[Any, dict[str, Any]]:
        """Index the file and store the job's end; return the terminal event."""
        who, job_id, path = upload.who, upload.job_id, self._folder / upload.job_id / "file"
        try:
            report = await self._indexer([(path, upload.source)], who.tenant, upload.groups, tell)
        except Exception as failure:
            error = known(failure)
            if isinstance(error, Internal):
                logger.error("upload %s failed", job_id, exc_info=failure)
            await jobs.finish(self._database, who, job_id, "failed", error=error.message)
            return "error", error.body()
        if report["failures"]:
            error = UnreadableDocument(report["failures"][0]["error"])
            await jobs.finish(self._database, who, job_id, "failed", report, error=error.message)
            return "error", error.body()
        await jobs.finish(self._database, who, job_id, "completed", report)
        entry = await documents.by_source(self._database, who, upload.source)
        # SQLAlchemy's names are a kind of str that the log's JSON does not take for keys
        shown = {str(name): value for name, value in entry.items()} if entry else None
        return "done", {"document": shown, "report": report}


def _read(note: Path) -> Upload:
    """Return the upload that a note tells of. Raises ValueError for one that was cut off."""
    said = json.loads(note.read_text())
    return Upload(said["job_id"], Identity(**said["who"]), said["source"], said["groups"])


def require_name(name: str) -> str:
    """Return the upload's source name. Raises BadRequest for one that is empty, too long or leaves its folder."""
    parts = [part for part in re.split(r"[/\\]+", name.strip()) if part not in ("", ".")]
    shown = name[:80]
    if not parts:
        raise BadRequest(f"The file's name is {shown!r}. Give it one that says what it is.")
    if ".." in parts or name.startswith(("/", "\\")) or any(ord(letter) < 32 for letter in name):
        raise BadRequest(
            f"The name {shown!r} leaves its folder or holds control characters. Send a plain file name."
        )
    source = "/".join(parts)
    if len(source) > NAME_LIMIT:
        raise BadRequest(f"The file's name has {len(source)} characters; the limit is {NAME_LIMIT}.")
    return source
