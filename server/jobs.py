"""Uploads: a file is on disk and its job in the database before the answer says 202, and a restart goes on with it.

Each upload has a folder of its own with the file and a note of whose it is; the folder goes when the job ends.
"""

import asyncio
import contextlib
import json
import logging
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, cast
from weakref import WeakValueDictionary

from qdrant_client.http.exceptions import ApiException
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import (
    Internal,
    NotOpen,
    StoreUnavailable,
    SwitchboardError,
    UnreadableDocument,
)
from contracts.identity import Identity
from graph.failures import known
from graph.wiring import Wiring
from server.lease import Lease
from server.log import Log, RunLog, cancelled
from server.uploads import Line, Upload, cut_off, give_up, read_note, require_name
from store import documents, jobs
from store.engine import Database

RUNNING_AT_ONCE: Final = 2
NOTE: Final = "upload.json"
LOOK_S: Final = 2.0
"""Seconds between two looks for jobs of processes that died."""
RETURN_S: Final = 20.0
"""Seconds in which a server that stopped may come back and go on with its uploads; then their jobs are ended."""
DRAFT: Final = "upload.part"
"""The note until the whole file is there: nobody was told 202 yet."""
logger = logging.getLogger("switchboard.jobs")
Indexer = Callable[
    [Sequence[tuple[Path, str]], str, list[str] | None, Callable[[str, int, int], None]],
    Awaitable[dict[str, Any]],
]
"""Indexes files (path, source) for a tenant and groups; tells stage, done and total; returns the report."""

IndexerFor = Callable[[Wiring], Indexer]
"""Makes the indexer over the open parts; the server knows nothing else of ingest."""

End = tuple[Any, dict[str, Any]]
"""A job's terminal event."""
STOPPED: Final[End] = ("done", {"status": "cancelled", "document": None, "report": None})


class Jobs:
    """Takes uploads in and indexes them, a few at a time."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        log: Log,
        lease: Lease,
        indexer: Indexer,
        log_ttl: float,
        patience: float = RETURN_S,
        settle: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:
        """`patience`: seconds for which the jobs of a dead process are left to its next start.

        `settle` removes what documents were replaced or deleted have left; it is called now and then.
        """
        self._settle = settle
        self._folder = folder / "uploads"
        self._lease, self._patience = lease, patience
        self._database = database
        self._log = log
        self._indexer = indexer
        self._ttl = log_ttl
        self._places = asyncio.Semaphore(RUNNING_AT_ONCE)
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """One lock a document: two uploads of it are indexed in their order, so the last one stays."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._line = Line()
        self._stopped: set[str] = set()
        """Jobs that a person wants to end."""
        self._missed: dict[str, float] = {}
        """Processes with jobs that have no lease, and since when, on the loop's clock."""

    def log_key(self, tenant: str, job_id: str) -> str:
        """Return the Redis key of a job's log."""
        return f"sb:{tenant}:job:{job_id}:log"

    async def accept(
        self,
        who: Identity,
        name: str,
        read: Callable[[Path], Awaitable[int]],
        groups: list[str] | None,
        *,
        page: bool = False,
    ) -> jobs.Job:
        """Keep the file that `read` writes to a path, and return its job. Raises BadRequest for an unusable name.

        `page`: the name is an address, and the file is the order to fetch it.
        """
        source = name if page else require_name(name)
        job = await jobs.create(self._database, who, [source], total=1, owner=self._lease.owner)
        place = self._folder / job["id"]
        place.mkdir(parents=True, mode=0o700)
        upload = Upload(job["id"], who, source, groups)
        (place / DRAFT).write_text(json.dumps(asdict(upload)))
        lacks = cut_off(source)
        try:
            if await read(place / "file") == 0:
                raise UnreadableDocument(f"{source}: the file is empty. Choose one with text in it.")
            lacks = ""
        except SwitchboardError as refused:
            lacks = refused.message
            raise
        finally:
            if lacks:  # whatever ended it, a sender who went away included: nobody was told 202
                shutil.rmtree(place, ignore_errors=True)
                await jobs.finish(self._database, who, job["id"], "failed", error=lacks)
        (place / DRAFT).rename(place / NOTE)
        self._start(upload)
        return job

    async def recover(self) -> int:
        """Go on with the uploads of this folder's earlier process, and end those that it had only begun to read.

        One that another process has ended meanwhile is dropped: its sender was told to send it again.
        """
        left: list[Upload] = []
        for note in sorted(self._folder.glob(f"*/{NOTE}")):
            try:
                left.append(read_note(note))
            except ValueError:  # damaged on the disk: its job is abandoned below, its file stays
                logger.error("%s holds no upload; the file beside it was not indexed", note)
        mine = await jobs.claim(self._database, [upload.job_id for upload in left], self._lease.owner)
        for upload in left:
            if upload.job_id in mine:
                self._start(upload)
            else:
                shutil.rmtree(self._folder / upload.job_id, ignore_errors=True)
        for draft in self._folder.glob(f"*/{DRAFT}"):
            await give_up(draft, self._database)
        await self.end_orphans()
        return len(mine)

    async def run(self) -> None:
        """End what dead processes left until cancelled; an outage only delays it."""
        while not cancelled():
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(RedisError, OSError, SQLAlchemyError, ApiException, SwitchboardError):
                await self.end_orphans()
                if self._settle is not None:
                    await self._settle()

    async def end_orphans(self) -> int:
        """Fail the jobs whose process has been dead for too long; return how many.

        A file lies in the data folder of the server that took it, which no other can read: until then it may come back.
        """
        now = asyncio.get_running_loop().time()
        owners = await jobs.owners(self._database) - {self._lease.owner}
        lost = await self._lease.lost(owners) if owners else set[str]()
        self._missed = {owner: self._missed.get(owner, now) for owner in lost}
        wait = 0.0 if self._lease.alone else self._patience
        over = {owner for owner, since in self._missed.items() if now - since >= wait}
        return await jobs.abandon(self._database, over) if over else 0

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
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            logger.error(
                "the end of %s could not be stored; the next start goes on with it",
                task.get_name(),
                exc_info=failure,
            )

    async def _own(self, upload: Upload) -> None:
        turn = self._turns.setdefault((upload.who.tenant, upload.source), asyncio.Lock())
        try:
            async with (
                turn
            ):  # before anything else is awaited: tasks begin in the order in which they were made
                await self._take_in(upload)
        except asyncio.CancelledError:
            if upload.job_id not in self._stopped:
                raise
            cast("asyncio.Task[None]", asyncio.current_task()).uncancel()
            await self._end(upload, RunLog(self.log_key(upload.who.tenant, upload.job_id)), STOPPED)
        finally:
            self._stopped.discard(upload.job_id)

    async def cancel(self, who: Identity, id: str) -> jobs.Job:
        """End a job at a person's wish and return it. Raises Unknown, NotOpen for one that cannot be stopped here."""
        job = await jobs.get(self._database, who, id)
        task = next((task for task in self._tasks if task.get_name() == id), None)
        if job["status"] != "running" or task is None:
            why = (
                f"it is {job['status']}"
                if job["status"] != "running"
                else "another server has it; ask that one"
            )
            raise NotOpen(f"Job {id} cannot be cancelled here: {why}.")
        self._stopped.add(id)
        job = await jobs.finish(self._database, who, id, "cancelled")
        if job["status"] == "cancelled":
            task.cancel()
        await asyncio.wait([task])
        return await jobs.get(self._database, who, id)

    async def _take_in(self, upload: Upload) -> None:
        """Bring the upload to its one end: stored first, then told, then its file goes."""
        who, job_id = upload.who, upload.job_id
        log = RunLog(self.log_key(who.tenant, job_id))
        try:
            name, data = await self._work(upload, log)
        # Nobody awaits this task, as nobody awaits a run's: what is not caught here would leave a job that
        # never ends. And it meets whatever an embedder, an index and a database may raise.
        except Exception as failure:
            error = known(failure)
            if isinstance(error, Internal):
                logger.error("upload %s failed", job_id, exc_info=failure)
            job = await jobs.finish(self._database, who, job_id, "failed", error=error.message)
            failed = job["status"] == "failed"  # else it is indexed, and only what came after that failed
            name, data = ("error", error.body()) if failed else ("done", {"report": job["outcome"]})
        await self._end(upload, log, (name, data))

    async def _end(self, upload: Upload, log: RunLog, end: End) -> None:
        """Tell a job's end, which is stored, and drop its file."""
        await self._tell_end(log, *end)
        shutil.rmtree(self._folder / upload.job_id, ignore_errors=True)

    async def _work(self, upload: Upload, log: RunLog) -> End:
        """Index the file when it is its turn and store the job's end; return the terminal event."""
        await self._log.resume(log)

        def tell(stage: str, done: int, total: int) -> None:
            data = {"stage": stage, "done": done, "total": total}
            self._log.append(log, "progress", data, expire=self._ttl)

        def place(ahead: int) -> None:
            data = {"stage": "waiting", "done": 0, "total": 1, "position": ahead + 1}
            self._log.append(log, "progress", data, expire=self._ttl)

        self._line.join(place)
        try:
            async with self._places:
                self._line.leave(place)
                return await self._index(upload, tell)
        finally:
            self._line.leave(place)

    async def _index(self, upload: Upload, tell: Callable[[str, int, int], None]) -> End:
        who, job_id, path = upload.who, upload.job_id, self._folder / upload.job_id / "file"
        report = await self._indexer([(path, upload.source)], who.tenant, upload.groups, tell)
        if report["failures"]:
            error = UnreadableDocument(report["failures"][0]["error"])
            await jobs.finish(self._database, who, job_id, "failed", report, error=error.message)
            return "error", error.body()
        job = await jobs.finish(self._database, who, job_id, "completed", report)
        if job["status"] == "cancelled":
            return STOPPED
        if job["status"] == "failed":  # ended by another process, to which this one seemed dead
            return "error", UnreadableDocument(job["error"]).body()
        entry = await documents.by_source(self._database, who, upload.source)
        # SQLAlchemy's names are a kind of str that the log's JSON does not take for keys
        shown = {str(name): value for name, value in entry.items()} if entry else None
        return "done", {"document": shown, "report": report}

    async def _tell_end(self, log: RunLog, name: Any, data: dict[str, Any]) -> None:
        """Append the end; progress that was lost before it matters to nobody, so a broken log goes on."""
        with contextlib.suppress(StoreUnavailable):  # the job's row says it as well
            if log.broken is not None or not log.begun:
                log = RunLog(log.key)
                await self._log.resume(log)
            self._log.append(log, name, data, expire=self._ttl)
            await self._log.flush(log)
