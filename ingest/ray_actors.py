"""What runs on the nodes of a Ray cluster: the functions of an ingest on one machine, over parts opened there.

Two kinds of actor, both for Ray Data's `map_batches`. Where index, database and run log are servers, an `Indexer` does
all of an ingest for its share of the files, writes included. Where one of them is embedded, and so owned by the
process that was started, a `Maker` reads and embeds, and that process writes.
"""

import asyncio
import pickle
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow

from contracts.patience import patiently
from graph.encoder import encoder_for
from graph.failures import is_passing
from ingest.embed import BATCH, Embedded, Encoder, embed
from ingest.index import index
from ingest.parts import parts_over
from ingest.readers import Reader
from ingest.report import Report
from ingest.walk import Found
from ingest.worker import Order, Parsed
from ports.open import open_ports
from ports.settings import Settings

T = TypeVar("T")
Table = Any
"""pyarrow.Table, which has no types."""
OUTAGE_S: Final = 120.0
"""Seconds for which an actor tries again what an outage of a server keeps from being done."""
JOB: Final = "job"
"""The one column of what goes in and comes out: pickled, for Arrow knows none of our types."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an actor is told once."""

    settings: Settings
    tenant: str
    groups: Sequence[str] | None
    check: bool
    model: str
    """The embedding model that the index was made with."""


@dataclass(frozen=True, slots=True)
class Made:
    """Documents that can be written, and files that cannot be read."""

    ready: list[tuple[Parsed, Embedded]]
    refused: list[Parsed]


class Actor:
    """An event loop in a thread, and parts that are open on it for as long as the actor lives."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="switchboard-ray-")
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ingest", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work comes to; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def hold(self, parts: AbstractAsyncContextManager[T]) -> T:
        """Return the parts, open until `close`: one task enters and leaves them, as their cancel scopes want it."""
        opened: Future[T] = Future()

        async def live() -> None:
            try:
                async with parts as found:
                    opened.set_result(found)
                    await self._over.wait()
            except BaseException as failed:
                if opened.done():
                    raise
                opened.set_exception(failed)

        self._held = asyncio.run_coroutine_threadsafe(live(), self._loop)
        return opened.result()

    def close(self) -> None:
        """Close the parts. Ray ends an actor without it, and what that leaves is taken over as after any crash."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._held.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.folder.cleanup()

    def own(self, settings: Settings) -> Settings:
        """Return the settings with a data folder of the actor's own, and one thread for its one core."""
        return settings.model_copy(update={"data_dir": Path(self.folder.name, "data"), "threads": 1})


class Indexer(Actor):
    """Indexes slices of files over servers, as `switchboard ingest` does, and returns its report of each."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        from graph.wiring import open_wiring  # a second that a Maker need not wait

        self._plan = plan
        self._parts = parts_over(self.hold(open_wiring(self.own(plan.settings))), workers=1)

    def __call__(self, jobs: Table) -> Iterator[Table]:
        for job in jobs[JOB].to_pylist():
            yield table([pickle.dumps(self.wait(self._index(pickle.loads(job))))])  # noqa: S301 - our own driver's

    async def _index(self, files: list[Found]) -> Report:
        """Index one slice. What an outage interrupts is begun anew: what was done by then is unchanged."""
        plan = self._plan
        return await patiently(
            lambda: index(files, plan.tenant, self._parts, groups=plan.groups, check=plan.check),
            is_passing,
            OUTAGE_S,
        )


class Maker(Actor):
    """Reads and embeds slices of files, and returns what is to be written, some documents at a time."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        settings = plan.settings
        self._encoder = self.hold(open_encoder(self.own(settings), plan.model))
        self._reader = Reader(settings.read_timeout.total_seconds(), settings.read_memory)

    def __call__(self, jobs: Table) -> Iterator[Table]:
        for job in jobs[JOB].to_pylist():
            made = self.make(pickle.loads(job))  # noqa: S301 - our own driver's
            while (some := self.wait(anext(made, None))) is not None:
                yield table([pickle.dumps(some)])

    async def make(self, orders: Sequence[Order]) -> AsyncIterator[Made]:
        """Yield documents of BATCH chunks together; the next ones are read while these are embedded."""
        coming = asyncio.create_task(self.read(orders, 0))
        while (found := await coming) is not None:
            parsed, at = found
            coming = asyncio.create_task(self.read(orders, at))
            good = [one for one in parsed if not one.error]
            vectors = await asyncio.to_thread(embed, [one.chunks for one in good], self._encoder)
            yield Made(list(zip(good, vectors, strict=True)), [one for one in parsed if one.error])

    async def read(self, orders: Sequence[Order], at: int) -> tuple[list[Parsed], int] | None:
        """Return the next documents, and which one comes after them; None at the end."""
        parsed: list[Parsed] = []
        while at < len(orders) and sum(len(one.chunks) for one in parsed) < BATCH:
            parsed.append(await self._reader.read(orders[at]))
            at += 1
        return (parsed, at) if parsed else None


@asynccontextmanager
async def open_encoder(settings: Settings, model: str) -> AsyncGenerator[Encoder]:
    """Open the encoder of an index made with the model. Raises SetupError.

    Of the parts it is the only one that is used: index, database and run log belong to who started the ingest.
    """
    alone = {"qdrant_url": None, "database_url": None, "redis_url": None}
    async with open_ports(settings.model_copy(update=alone)) as ports:
        yield encoder_for(ports, ports.embedder(model))


def table(jobs: Sequence[bytes]) -> Table:
    """Return what goes from stage to stage."""
    return pyarrow.table({JOB: pyarrow.array(list(jobs), pyarrow.large_binary())})
