"""The pipeline from files to the index: sift, read, embed and write, all at the same time.

Bounded queues lie between the stages, so memory does not grow with the number of files: the slowest stage, which
is to be the embedder, sets the pace of the others.
"""

import asyncio
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from ingest.embed import BATCH, Embedded, embed
from ingest.parts import Parts, identity_of
from ingest.readers import Reader
from ingest.remember import Remembering, copied, vectors_for
from ingest.report import Progress, Report, Step
from ingest.sift import Change, sift
from ingest.spool import Files, pages
from ingest.walk import Found
from ingest.worker import Order, Parsed
from ingest.write import Ready, write
from store import documents

EMBEDDERS: Final = 2
"""Batches under way at least: while one runs through the model, the other's vectors are packed."""
TOGETHER: Final = 256
"""Chunks that are enough for one write: beyond that its fixed costs are small, and a crash repeats more."""
REMEMBERED: Final = 50_000
"""Files whose content is remembered while they are under way, and files that wait for one: 10 MB each at most."""


async def index(
    files: Files,
    tenant: str,
    parts: Parts,
    *,
    groups: Sequence[str] | None = None,
    check: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring the index to what the files hold; unchanged ones cost a look, failed ones keep what was indexed.

    `groups`: who may read the files; None leaves that as it is, everyone for a new one. `check`: read every file,
    whatever the file system says. Raises what the index or the database raise: then the report is lost, but every
    finished document stays.
    """
    started = time.perf_counter()
    line = Pipeline(parts, tenant, len(files), groups, progress, check=check)
    try:
        await line.run(files)
        if line.later:  # now their twins are there
            again, line.later = line.later, []
            await line.run(again, last=True)
    except ExceptionGroup as failed:
        raise first_of(failed) from failed
    line.report.seconds = time.perf_counter() - started
    return line.report


def first_of(failed: ExceptionGroup[Exception]) -> Exception:
    """Return the first failure in a group of groups."""
    inner = failed.exceptions[0]
    return first_of(inner) if isinstance(inner, ExceptionGroup) else inner


class Pipeline:
    """One ingest under way. A None in a queue says that nothing more comes."""

    def __init__(
        self,
        parts: Parts,
        tenant: str,
        total: int,
        groups: Sequence[str] | None,
        progress: Progress | None,
        *,
        check: bool = False,
    ) -> None:
        self.parts, self.tenant, self.total = parts, tenant, total
        self.groups, self.progress, self.check = groups, progress, check
        self.changes: dict[str, Change] = {}
        """What is under way, by its source."""
        self.later: list[Found] = []
        """Files with the same content as one under way: they wait until that has its vectors."""
        self.firsts: dict[str, None] = {}
        """The contents of files that this run has passed on, the latest of them."""
        self.report = Report()
        self.taking = asyncio.Lock()

    async def run(self, files: Files, *, last: bool = False) -> None:
        """Do all stages at once. `last`: nothing waits for a later run."""
        self.orders: asyncio.Queue[Order | None] = asyncio.Queue(64)
        self.parsed: asyncio.Queue[Parsed | None] = asyncio.Queue(2 * self.parts.workers + 4)
        self.embedded: asyncio.Queue[list[Ready] | None] = asyncio.Queue(2)
        async with asyncio.TaskGroup() as stages:
            stages.create_task(self.sift(files, last=last))
            stages.create_task(self.read_all())
            stages.create_task(self.embed_all())
            stages.create_task(self.write_all())

    async def sift(self, files: Files, *, last: bool = False) -> None:
        """Pass on the files that the index does not hold as they are."""
        for page in pages(files):
            with self.busy("hash"):
                found = await sift(page, self.tenant, self.parts, self.groups, check=self.check)
                if found.stats:
                    await documents.note_stats(self.parts.database, identity_of(self.tenant), found.stats)
            for source, error in found.refused.items():
                self.fail(source, error)
            for file in found.same:
                self.report.unchanged += 1
                self.tell(file.source)
            for file in found.regrouped:
                await self.parts.books().regroup_source(self.tenant, file.source, self.groups or ())
                self.report.updated += 1
                self.tell(file.source)
            for change in found.changed:
                if not last and self.waits(change):
                    self.later.append(change.file)
                    continue
                self.changes[change.file.source] = change
                await self.orders.put(Order(change.file.path, change.file.source, self.parts.limit))
        await self.orders.put(None)

    def waits(self, change: Change) -> bool:
        """Tell whether a file of the same content is under way, as far back as is remembered."""
        if not change.version or change.twin or len(self.later) >= REMEMBERED:
            return False
        if change.version in self.firsts:
            return True
        self.firsts[change.version] = None
        if len(self.firsts) > REMEMBERED:
            del self.firsts[next(iter(self.firsts))]
        return False

    async def read_all(self) -> None:
        """Read the files in worker processes."""
        async with asyncio.TaskGroup() as readers:
            for _ in range(max(1, self.parts.workers)):
                readers.create_task(self.read_some(Reader(self.parts.seconds, self.parts.memory)))
        await self.parsed.put(None)

    async def read_some(self, reader: Reader) -> None:
        """Read one file after the other in one process."""
        try:
            while (order := await self.orders.get()) is not None:
                with self.busy("read"):
                    change = self.changes[order.source]
                    parsed = await copied(change, self.tenant, self.parts) or await reader.read(order)
                if parsed.error:
                    self.fail(order.source, parsed.error)
                else:
                    await self.parsed.put(parsed)
            self.orders.put_nowait(None)
        finally:
            await reader.close()

    async def embed_all(self) -> None:
        """Embed what was read, several documents at a time."""
        async with asyncio.TaskGroup() as embedders:
            for _ in range(max(EMBEDDERS, self.parts.workers // 4)):
                embedders.create_task(self.embed_some())
        await self.embedded.put(None)

    async def embed_some(self) -> None:
        """Embed one batch after the other in a thread."""
        while batch := await self.take():
            with self.busy("embed"):
                texts = [parsed.chunks for parsed in batch]
                changes = [self.changes[parsed.source] for parsed in batch if parsed.source in self.changes]
                encoder = Remembering(self.parts.encoder, await vectors_for(changes, self.tenant, self.parts))
                found = await asyncio.to_thread(embed, texts, encoder)
            await self.embedded.put(list(zip(batch, found, strict=True)))

    async def take(self) -> list[Parsed]:
        """Return documents of BATCH chunks together, or of what is left; none at the end."""
        batch: list[Parsed] = []
        count = 0
        async with self.taking:
            while count < BATCH:
                parsed = await self.parsed.get()
                if parsed is None:
                    await self.parsed.put(None)
                    break
                batch.append(parsed)
                count += len(parsed.chunks)
        return batch

    async def write_all(self) -> None:
        """Write what is ready together, and the next when it is there."""
        while batch := await self.ready():
            await self.settle(batch)

    async def ready(self) -> list[Ready]:
        """Return the documents that wait, up to about TOGETHER chunks; none at the end."""
        batch = await self.embedded.get() or []
        while batch and sum(len(embedded.chunks) for _, embedded in batch) < TOGETHER:
            if self.embedded.empty():
                break
            more = self.embedded.get_nowait()
            if more is None:
                self.embedded.put_nowait(None)
                break
            batch += more
        return batch

    async def settle(self, batch: Sequence[Ready]) -> None:
        """Write the documents together, and each alone where that fails: one that is refused takes no other with it.

        Raises what the first one meets that cannot be written.
        """
        try:
            with self.busy("write"):
                sources = [parsed.source for parsed, _ in batch]
                stats = {one: self.changes[one].stat for one in sources if one in self.changes}
                await write(batch, self.tenant, self.parts, self.groups, stats)
        except Exception:
            if len(batch) == 1:
                raise
            for one in batch:
                await self.settle([one])
        else:
            for parsed, embedded in batch:
                self.count(parsed, embedded)

    def count(self, parsed: Parsed, embedded: Embedded) -> None:
        """Report a document that was written."""
        change = self.changes.pop(parsed.source, None)
        if change is not None and change.old:
            self.report.updated += 1
        else:
            self.report.added += 1
        self.report.chunks += len(embedded.chunks)
        self.report.bytes += parsed.size
        self.report.note(parsed.source, parsed.notes)
        self.tell(parsed.source)

    def fail(self, source: str, error: str) -> None:
        """Report a file that was left out."""
        self.changes.pop(source, None)
        self.report.fail(source, error)
        self.tell(source)

    def tell(self, source: str) -> None:
        """Say how far it is."""
        if self.progress:
            self.progress(Step(self.report.done, self.total, source, self.report.chunks))

    @contextmanager
    def busy(self, stage: str) -> Generator[None]:
        """Add the time of the block to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.report.stages[stage] = self.report.stages.get(stage, 0.0) + time.perf_counter() - started
