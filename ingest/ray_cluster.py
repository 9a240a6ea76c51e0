"""A connection to a Ray cluster that is there already, and Ray Data over its nodes."""

import logging
import os
import socket
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import has_magic
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from contracts.errors import BadRequest, SetupError

if TYPE_CHECKING:
    from ingest.ray_actors import Plan

INSTALL: Final = (
    "Ray is not installed here. Install it with `pip install 'switchboard[ray]'`, the cluster's own version."
)
CPU: Final = 0.5
"""What an actor asks for of the core that it uses: the jobs of a lost actor wait until it is started again, and another
node must have room for it while all are busy."""
WAIT_S: Final = 60.0
"""Seconds for which a node may take to say what it has."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a node says of itself."""

    name: str
    code: str
    """The versions that decide what comes out."""
    missing: list[str]
    """Paths that it does not see."""


def code() -> str:
    """Return the versions of what reads, cuts and embeds: with the same ones every node makes the same points."""
    from ingest.load import VERSION as LOAD
    from ingest.split import VERSION as SPLIT

    return f"switchboard {version('switchboard')}, load {LOAD}, split {SPLIT}, onnxruntime {version('onnxruntime')}"


def look(paths: Sequence[str]) -> Node:
    """Return what this node has."""
    return Node(os.uname().nodename, code(), [path for path in paths if not os.path.exists(path)])


class Cluster:
    """An open connection."""

    def __init__(self, workers: int | None) -> None:
        import ray

        self._ray: Any = ray
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        """Actors, each with one core."""

    def require(self, paths: Sequence[str]) -> None:
        """Raise SetupError where a node lacks one of the paths, patterns aside, or runs other code than this one."""
        paths = [os.path.abspath(path) for path in paths if not has_magic(path)]
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        asked: list[Any] = []
        for node in self._ray.nodes():
            if node["Alive"] and node["Resources"].get("CPU"):
                place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                asked.append(
                    self._ray.remote(look).options(scheduling_strategy=place, num_cpus=0).remote(paths)
                )
        for found in self._answers(asked):
            if found.code != code():
                raise SetupError(
                    f"Node {found.name} has {found.code}; here it is {code()}. Install the same on every node: "
                    "else the points would depend on where a file was read."
                )
            if found.missing:
                raise SetupError(
                    f"Node {found.name} does not see {found.missing[0]}. Mount the folder at the same path on every "
                    "node of the cluster: each reads its share of the files itself."
                )

    def _answers(self, asked: list[Any]) -> list[Node]:
        try:
            return self._ray.get(asked, timeout=WAIT_S)
        except (self._ray.exceptions.RayError, ImportError) as cause:
            last = str(cause).strip().splitlines()[-1]
            raise SetupError(
                f"A node of the Ray cluster cannot run Switchboard ({last}). Install it there, with the same Python."
            ) from cause

    def stream(self, actor: type, plan: "Plan", jobs: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what the actors make of the jobs, in any order. A lost actor's or node's job is done by another.

        Ray Data keeps what is finished and not taken within its share of the object store, then lets the actors wait.
        """
        from ray.data import ActorPoolStrategy, from_arrow

        from ingest.ray_actors import JOB, table

        tables = [table([job]) for job in jobs]
        most = max(1, min(self.workers, len(tables)))
        made = from_arrow(tables).map_batches(
            actor,
            batch_size=None,
            batch_format="pyarrow",
            fn_constructor_args=(plan,),
            compute=ActorPoolStrategy(min_size=1, max_size=most, initial_size=most),
            num_cpus=CPU,
            scheduling_strategy="SPREAD",
        )
        blocks: Iterator[Any] = iter(
            made.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        )
        for block in blocks:
            yield from block[JOB].to_pylist()


def require_listener(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=5).close()


@contextmanager
def connected(address: str, workers: int | None = None) -> Generator[Cluster]:
    """Give the cluster at an address, `auto` for the one that this machine belongs to.

    Raises BadRequest where there is none, SetupError where Ray is not installed or of another version.
    """
    if address.startswith("ray://"):
        raise BadRequest(
            f"--ray {address}: a Ray client is too far away. Run the command on a node of the cluster, with "
            "`--ray auto` or the head's HOST:6379."
        )
    try:
        import ray
        from ray.data import DataContext
    except ModuleNotFoundError as missing:
        raise SetupError(INSTALL) from missing
    try:
        require_listener(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except OSError as cause:  # ConnectionError is one
        raise BadRequest(
            f"There is no Ray cluster at {address!r}, or this machine is no node of it. Start one with "
            "`ray start --head`, join it with `ray start --address HOST:6379`, or leave --ray out."
        ) from cause
    except RuntimeError as cause:
        raise SetupError(f"The Ray cluster at {address!r} cannot be used from here: {cause}") from cause
    try:
        context = DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        yield Cluster(workers)
    finally:
        ray.shutdown()
