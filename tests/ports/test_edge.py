"""The embedded index: durable, cleaned up after a kill, and answering while it is optimized."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from contracts.errors import SetupError
from ports import edge_optimizer, edge_schema
from ports.edge import EdgeClient
from ports.qdrant import open_vectors

NAME = "things"
SIZE = 8
VECTORS = np.random.default_rng(3).normal(size=(400, SIZE)).astype(np.float32)

WRITER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from qdrant_client import models
from ports.edge import EdgeClient

async def main():
    client = EdgeClient(Path(sys.argv[1]))
    for number in range(10_000):
        point = models.PointStruct(id=str(UUID(int=number + 1)), vector={"dense": [1.0] * 8}, payload={"n": number})
        await client.upsert("things", [point])
        print(number, flush=True)

asyncio.run(main())
"""


async def create(client: EdgeClient) -> None:
    vectors = {"dense": models.VectorParams(size=SIZE, distance=models.Distance.COSINE)}
    await client.create_collection(NAME, vectors_config=vectors, metadata={"embedding": "test"})


def points(first: int, last: int) -> list[models.PointStruct]:
    return [
        models.PointStruct(id=str(UUID(int=n + 1)), vector={"dense": VECTORS[n].tolist()}, payload={"n": n})
        for n in range(first, last)
    ]


def write_until_killed(folder: Path) -> int:
    """Return the last number that a writer reported as written before it was killed."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        acknowledged = -1
        while acknowledged < 200:
            acknowledged = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        for line in writer.stdout:
            acknowledged = int(line) if line.endswith(b"\n") else acknowledged
    return acknowledged


def listed(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_no_acknowledged_point_is_lost_by_kill_9(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    await create(client)
    await client.close()

    acknowledged = await asyncio.to_thread(write_until_killed, tmp_path)

    client = EdgeClient(tmp_path)
    ids = [str(UUID(int=number + 1)) for number in range(acknowledged + 1)]
    found = await client.retrieve(NAME, ids, with_payload=["n"])
    assert sorted(record.payload["n"] for record in found if record.payload) == list(range(acknowledged + 1))
    await client.close()


async def test_points_and_metadata_survive_a_restart(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    await create(client)
    await client.upsert(NAME, points(0, 300))
    await client.close()

    client = EdgeClient(tmp_path)

    info = await client.get_collection(NAME)
    assert (info.points_count, info.config.metadata) == (300, {"embedding": "test"})
    await client.close()


async def test_a_half_created_collection_is_cleaned_up(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    await create(client)
    await client.close()
    (tmp_path / NAME / edge_schema.FILE).unlink()

    client = EdgeClient(tmp_path)

    assert await client.collection_exists(NAME) is False
    assert listed(tmp_path) == []
    await create(client)
    assert (await client.count(NAME)).count == 0
    await client.close()


async def test_a_refused_upsert_leaves_nothing_behind_after_a_restart(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    await create(client)
    wrong = models.PointStruct(id=1, vector={"dense": [1.0]}, payload={})

    with pytest.raises(UnexpectedResponse, match="expected dim: 8, got 1"):
        await client.upsert(NAME, [*points(0, 1), wrong])
    await client.close()

    client = EdgeClient(tmp_path)
    assert (await client.count(NAME)).count == 0
    await client.close()


async def test_what_is_written_during_an_optimization_is_in_its_result(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    client = EdgeClient(tmp_path)
    await create(client)
    await client.upsert(NAME, points(0, 200))
    before = next(path.name for path in (tmp_path / NAME).glob("engine-*"))

    optimizing = asyncio.create_task(client.optimize(NAME))
    number = 200
    while not optimizing.done() and number < 380:
        await client.upsert(NAME, points(number, number + 1))
        found = await client.query_points(NAME, query=VECTORS[number].tolist(), using="dense", limit=1)
        assert found.points[0].payload == {"n": number}
        number += 1
    await client.delete(NAME, points_selector=[str(UUID(int=1))])
    await optimizing

    after = [path.name for path in (tmp_path / NAME).glob("engine-*")]
    assert len(after) == 1
    assert after != [before]
    assert (await client.count(NAME)).count == number - 1
    await client.close()
    client = EdgeClient(tmp_path)
    assert (await client.count(NAME)).count == number - 1
    await client.close()
    assert "Traceback" not in capfd.readouterr().err


async def test_optimization_starts_by_itself_after_enough_points(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path, idle=0.0, optimize_after=100)
    await create(client)
    await client.upsert(NAME, points(0, 99))
    assert client.optimizer.busy() is False

    await client.upsert(NAME, points(99, 100))
    await client.optimize(NAME)

    assert client.require(NAME).pending == 0
    assert client.require(NAME).schema.optimized == 100
    await client.close()


async def test_closing_ends_an_optimization_and_keeps_every_point(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    await create(client)
    await client.upsert(NAME, points(0, 50))
    optimizing = asyncio.create_task(client.optimize(NAME))
    await asyncio.sleep(0)

    await client.close()

    with pytest.raises(asyncio.CancelledError):
        await optimizing
    client = EdgeClient(tmp_path)
    assert (await client.count(NAME)).count == 50
    assert len(list((tmp_path / NAME).glob("engine-*"))) == 1
    await client.close()


async def test_a_failed_optimization_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await edge_optimizer.optimized(tmp_path / "nothing") is False
    assert "ended with code 1" in caplog.text


def children() -> set[int]:
    """Return the processes that this thread has started and that go on."""
    return {int(id) for id in Path("/proc/thread-self/children").read_text().split()}


@pytest.mark.skipif(not Path("/proc/thread-self/children").exists(), reason="the system does not tell")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_an_optimization_that_ends_because_all_is_stopped_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sent: signal.Signals
) -> None:
    os.mkfifo(
        tmp_path / "edge_config.json"
    )  # who reads it waits: the child is there for as long as it is needed
    before = children()
    optimizing = asyncio.create_task(edge_optimizer.optimized(tmp_path))
    while not (started := children() - before):  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0)
    os.kill(started.pop(), sent)
    assert await optimizing is False
    assert ("could not be optimized" in caplog.text) is (sent == signal.SIGKILL)


async def test_a_second_process_is_told_that_the_index_is_open(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    await create(client)

    with pytest.raises(SetupError, match="no other process has it open"):
        async with open_vectors(None, None, tmp_path):
            pass

    await client.close()


async def test_a_closed_index_says_so(tmp_path: Path) -> None:
    async with open_vectors(None, None, tmp_path) as client:
        assert isinstance(client, EdgeClient)
        await create(client)

    with pytest.raises(ResponseHandlingException):
        await client.count(NAME)


async def test_a_url_opens_a_client_of_the_server(tmp_path: Path) -> None:
    async with open_vectors("http://127.0.0.1:9", None, tmp_path) as client:
        assert isinstance(client, AsyncQdrantClient)
        with pytest.raises(ResponseHandlingException):
            await client.count(NAME)


async def test_a_collection_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path / "index")
    with pytest.raises(UnexpectedResponse, match="not allowed"):
        await client.create_collection("../outside", vectors_config=None)
    assert listed(tmp_path) == ["index"]
    await client.close()


async def test_a_filtered_search_may_walk_past_what_the_filter_takes_away(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    await create(client)
    await client.upsert(NAME, points(0, 400))
    half = models.Filter(must=[models.FieldCondition(key="n", range=models.Range(gte=200))])
    acorn = models.SearchParams(hnsw_ef=64, acorn=models.AcornSearchParams(enable=True, max_selectivity=0.9))

    found = await client.query_points(
        NAME, query=VECTORS[300].tolist(), using="dense", query_filter=half, search_params=acorn, limit=5
    )

    exact = await client.query_points(
        NAME, query=VECTORS[300].tolist(), using="dense", query_filter=half, limit=5,
        search_params=models.SearchParams(exact=True),
    )  # fmt: skip
    assert [one.id for one in found.points] == [one.id for one in exact.points]
    assert found.points[0].id == str(UUID(int=301))
    await client.close()
