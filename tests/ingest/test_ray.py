"""An ingest over a Ray cluster of two nodes makes the same points as one on this machine, whoever dies meanwhile."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("ray")

from contracts.errors import SetupError
from ingest.parts import Parts
from ingest.ray_cluster import Cluster, connected
from ingest.ray_index import Spread
from ingest.report import Step
from ingest.sync import sync
from ports.onnx import MiniLM
from ports.settings import Settings
from tests.ingest.files import pdf
from tests.ingest.points import points

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning"
    ),  # Ray's, of its own settings
]
NAMES = 24
SMALL = {"num_cpus": 1, "object_store_memory": 80_000_000}
QUICK = {"health_check_period_ms": 500, "health_check_failure_threshold": 5}
"""A dead node is noticed after seconds, not half a minute."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A head of one core on this machine: started once, as starting takes most of the time."""
    from ray.cluster_utils import Cluster as Nodes

    made = Nodes(
        initialize_head=True, head_node_args={**SMALL, "include_dashboard": False, "_system_config": QUICK}
    )
    try:
        yield made
    finally:
        made.shutdown()


@pytest.fixture(scope="module")
def cluster(nodes: Any) -> Iterator[Cluster]:
    with connected(nodes.address, 2) as found:
        yield found


@pytest.fixture
def second(nodes: Any) -> Iterator[Any]:
    """A second node, which a test may lose."""
    node = nodes.add_node(**SMALL)
    yield node
    if node in nodes.worker_nodes:
        nodes.remove_node(node)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings()


@pytest.fixture
def minilm(parts: Parts, settings: Settings) -> Iterator[Parts]:
    made = MiniLM(settings.models_dir, 1)
    yield replace(parts, encoder=made)
    made.close()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(NAMES):
        text = f"# Page {number}\n\n" + f"A paragraph about number {number}. " * (40 * (number % 4))
        (folder / f"{number:02d}.md").write_text(text)
    (folder / "a.pdf").write_bytes(pdf("Words on a page."))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    return folder


def actors_on(node: Any) -> list[psutil.Process]:
    """Return the processes of a node that do our work."""
    (raylet,) = node.all_processes["raylet"]
    below = psutil.Process(raylet.process.pid).children(recursive=True)
    return [one for one in below if one.name().startswith("ray::Map")]


async def test_embedded_two_nodes_make_the_same_points_though_one_dies(
    nodes: Any, second: Any, cluster: Cluster, minilm: Parts, settings: Settings, docs: Path
) -> None:
    spread, begun = Spread(cluster, settings, MiniLM.name, together=3), asyncio.Event()
    struck: list[psutil.Process] = []
    steps: list[Step] = []

    def tell(step: Step) -> None:
        steps.append(step)
        begun.set()

    async def strike() -> None:
        await begun.wait()
        struck.extend(actors_on(second))
        nodes.remove_node(second, allow_graceful=False)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(strike())
        there = await sync([str(docs)], "there", minilm, by=spread, progress=tell)
    here = await sync([str(docs)], "here", minilm)

    assert len(struck) == 1
    assert there.body() | {"seconds": 0} == here.body() | {"seconds": 0}
    assert (there.added, len(there.failures), steps[-1].done) == (NAMES + 1, 1, NAMES + 2)
    assert await points(minilm.collection, "there") == await points(minilm.collection, "here")


def test_a_node_without_the_files_is_named(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"^Node .* does not see .*gone. Mount the folder at the same path"):
        cluster.require([str(tmp_path), str(tmp_path / "gone")])
