"""Where an ingest is done: on the cores of this machine, or on a Ray cluster."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from ingest.index import index
from ingest.sync import Index
from ports.settings import Settings

Place = Callable[[Settings, str], Index]
"""Return what indexes files, given the settings and the model that the index was made with."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def with_threads(settings: Settings, workers: int) -> Settings:
    """Return the settings with so many threads for the embedder, where they name none: never more than cores."""
    return settings if settings.threads else settings.model_copy(update={"threads": min(workers, cores())})


@contextmanager
def place_for(ray: str | None, workers: int | None, paths: Sequence[str]) -> Generator[Place]:
    """Give the cluster at the address `ray`, or this machine where there is none.

    Raises BadRequest and SetupError for a cluster that cannot do it, before anything is opened here.
    """
    if not ray:
        yield lambda settings, model: index
        return
    from ingest.ray_cluster import connected

    with connected(ray, workers) as cluster:
        cluster.require(paths)
        from ingest.ray_index import Spread

        yield lambda settings, model: Spread(cluster, settings, model)
