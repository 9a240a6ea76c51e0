"""An ingest over the nodes of a Ray cluster: `index` with the same arguments and the same result."""

import asyncio
import pickle
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

from contracts.errors import SetupError, SwitchboardError
from ingest.index import Pipeline, first_of
from ingest.parts import Parts
from ingest.ray_actors import Indexer, Made, Maker, Plan
from ingest.ray_cluster import Cluster
from ingest.report import Progress, Report, Step
from ingest.spool import Files
from ingest.worker import Order
from ports.settings import Settings

T = TypeVar("T")
SLICE: Final = 64
"""Files in one job."""
SLICE_BYTES: Final = 8_000_000
"""Bytes of files in one job, of which the last one may be larger."""
PAGE: Final = 400
"""Jobs for each actor that are handed to Ray at a time: what it holds of them does not grow with the corpus."""
END: Final = object()


class Spread:
    """Indexes files over a cluster; called as `ingest.index.index` is."""

    def __init__(self, cluster: Cluster, settings: Settings, model: str, *, together: int = SLICE) -> None:
        """Index over the cluster, `together` files a job; `model`: the one that the index was made with."""
        self._cluster, self._settings, self._model, self._together = cluster, settings, model, together

    async def __call__(
        self,
        files: Files,
        tenant: str,
        parts: Parts,
        *,
        groups: Sequence[str] | None = None,
        check: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        """Bring the index to what the files hold. Raises SetupError where the nodes cannot do it, else as `index`."""
        started = time.perf_counter()
        plan = Plan(self._settings, tenant, groups, check, self._model)
        if on_servers(self._settings):
            report = await self.everything(files, plan, progress)
        else:
            line = Reading(self._cluster, plan, parts, len(files), progress, self._together)
            try:
                await line.run(files)
            except ExceptionGroup as failed:
                raise first_of(failed) from failed
            report = line.report
        report.seconds = time.perf_counter() - started
        return report

    async def everything(self, files: Files, plan: Plan, progress: Progress | None) -> Report:
        """Have the actors do all of it, writes included."""
        report, rest = Report(), slices(files, lambda file: file.size, self._together)
        while page := list(islice(rest, PAGE * self._cluster.workers)):
            jobs = [pickle.dumps(one) for one in page]
            async for found in drawn(lambda jobs=jobs: self._cluster.stream(Indexer, plan, jobs)):
                report.add(pickle.loads(found))  # noqa: S301 - our own actor's
                if progress:
                    progress(Step(report.done, len(files), "", report.chunks))
        return report


class Reading(Pipeline):
    """The pipeline of one machine, but for its middle: the actors read and embed, this process sifts and writes."""

    def __init__(
        self, cluster: Cluster, plan: Plan, parts: Parts, total: int, progress: Progress | None, together: int
    ) -> None:
        super().__init__(parts, plan.tenant, total, plan.groups, progress, check=plan.check)
        self._cluster, self._plan, self._together = cluster, plan, together

    async def read_all(self) -> None:
        """Leave it to the actors."""

    async def embed_all(self) -> None:
        """Hand the files that changed to the actors, and on what they make of them."""
        while page := await self.page():
            async for found in drawn(lambda page=page: self._cluster.stream(Maker, self._plan, page)):
                made: Made = pickle.loads(found)  # noqa: S301 - our own actor's
                for parsed in made.refused:
                    self.fail(parsed.source, parsed.error)
                if made.ready:
                    await self.embedded.put(made.ready)
        await self.embedded.put(None)

    async def page(self) -> list[bytes]:
        """Return the next jobs, none at the end."""
        orders: list[Order] = []
        while len(orders) < self._together * PAGE * self._cluster.workers:
            order = await self.orders.get()
            if order is None:
                self.orders.put_nowait(None)
                break
            orders.append(order)
        return [pickle.dumps(one) for one in slices(orders, size_of, self._together)]


def on_servers(settings: Settings) -> bool:
    """Tell whether every node can write: to a Qdrant server, a PostgreSQL and a Redis."""
    database = settings.database_url.get_secret_value() if settings.database_url else ""
    return bool(settings.qdrant_url and settings.redis_url and database.startswith("postgres"))


def slices(files: Iterable[T], size: Callable[[T], int], most: int = SLICE) -> Iterator[list[T]]:
    """Yield the files in jobs of about the same work."""
    some: list[T] = []
    total = 0
    for file in files:
        some.append(file)
        total += size(file)
        if len(some) == most or total >= SLICE_BYTES:
            yield some
            some, total = [], 0
    if some:
        yield some


def size_of(order: Order) -> int:
    """Return the file's size; 0 where it has gone, which its reader will tell."""
    try:
        return order.path.stat().st_size
    except OSError:
        return 0


async def drawn(begin: Callable[[], Iterator[bytes]]) -> AsyncIterator[bytes]:
    """Yield what a blocking iterator yields, each made in a thread. Raises what an actor met as it was meant there."""
    try:
        source = await asyncio.to_thread(begin)
        while (found := await asyncio.to_thread(next, source, END)) is not END:
            yield found  # pyright: ignore[reportReturnType] END is no bytes
    except Exception as failed:
        raise meant(failed) from failed


def meant(failed: Exception) -> Exception:
    """Return the failure in the actor that Ray wraps; SetupError where the cluster itself failed."""
    from ray.exceptions import RayError

    inner = failed
    while not isinstance(inner, SwitchboardError):
        cause = getattr(inner, "cause", None) or inner.__cause__
        if not isinstance(cause, Exception):
            break
        inner = cause
    if isinstance(inner, RayError):
        last = str(inner).strip().splitlines()[-1]
        return SetupError(f"The Ray cluster gave up: {last} What was indexed by then is kept; run it again.")
    return inner
