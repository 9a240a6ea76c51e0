"""Aliases on the embedded index as on qdrant_client's own: one switch for several names, and none is lost by a kill."""

import asyncio
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID

import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from ports.edge import EdgeClient

Client = EdgeClient | AsyncQdrantClient
VECTORS = {"dense": models.VectorParams(size=2, distance=models.Distance.COSINE)}

SWITCHER = """
import asyncio, sys
from pathlib import Path
from ports.edge import EdgeClient
from tests.conformance.test_aliases import named

async def main():
    client = EdgeClient(Path(sys.argv[1]))
    for number in range(100_000):
        target = "ab"[number % 2]
        await client.update_collection_aliases([named("x", target), named("y", target)])
        print(target, flush=True)

asyncio.run(main())
"""


def named(alias: str, collection: str) -> models.CreateAliasOperation:
    return models.CreateAliasOperation(
        create_alias=models.CreateAlias(alias_name=alias, collection_name=collection)
    )


def dropped(alias: str) -> models.DeleteAliasOperation:
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))


def switch_until_killed(folder: Path) -> None:
    command = [sys.executable, "-c", SWITCHER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as switcher:
        assert switcher.stdout is not None
        for _ in range(50):
            switcher.stdout.readline()
        os.kill(switcher.pid, signal.SIGKILL)


@pytest.fixture(params=["edge", "memory"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Client]:
    made = EdgeClient(tmp_path) if request.param == "edge" else AsyncQdrantClient(":memory:")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for number, name in enumerate("ab"):
            await made.create_collection(name, vectors_config=VECTORS)
            point = models.PointStruct(
                id=str(UUID(int=number + 1)), vector={"dense": [1.0, 0.0]}, payload={"in": name}
            )
            await made.upsert(name, [point])
    yield made
    await made.close()


async def aliases(client: Client) -> dict[str, str]:
    return {one.alias_name: one.collection_name for one in (await client.get_aliases()).aliases}


async def read_by(client: Client, name: str) -> str:
    found = await client.query_points(name, query=[1.0, 0.0], using="dense")
    (point,) = found.points
    assert point.payload is not None
    return point.payload["in"]


async def test_a_collection_is_read_and_written_by_its_alias(client: Client) -> None:
    await client.update_collection_aliases([named("x", "a")])

    await client.upsert("x", [models.PointStruct(id=7, vector={"dense": [0.0, 1.0]}, payload={})])

    assert (await client.count("x")).count == 2
    assert (await client.count("a")).count == 2
    assert await client.collection_exists("x") is True
    assert [one.alias_name for one in (await client.get_collection_aliases("a")).aliases] == ["x"]


async def test_a_switch_takes_every_name_with_it(client: Client) -> None:
    await client.update_collection_aliases([named("x", "a"), named("y", "a")])

    await client.update_collection_aliases([named("x", "b"), dropped("y"), dropped("nothing")])

    assert await aliases(client) == {"x": "b"}
    assert await read_by(client, "x") == "b"


async def test_one_refused_operation_undoes_the_others(client: Client) -> None:
    await client.update_collection_aliases([named("x", "a")])

    with pytest.raises((UnexpectedResponse, ValueError), match="nowhere"):
        await client.update_collection_aliases([named("x", "b"), named("y", "nowhere")])
    with pytest.raises((UnexpectedResponse, ValueError), match="already exists"):
        await client.update_collection_aliases([dropped("x"), named("b", "a")])

    assert await aliases(client) == {"x": "a"}


async def test_an_alias_is_renamed(client: Client) -> None:
    await client.update_collection_aliases([named("x", "a")])

    renamed = models.RenameAliasOperation(
        rename_alias=models.RenameAlias(old_alias_name="x", new_alias_name="y")
    )
    await client.update_collection_aliases([renamed])

    assert await aliases(client) == {"y": "a"}


async def test_a_deleted_collection_takes_its_aliases_along(client: Client) -> None:
    await client.update_collection_aliases([named("x", "a"), named("y", "b")])

    await client.delete_collection("a")

    assert await aliases(client) == {"y": "b"}
    assert await client.collection_exists("x") is False


async def test_the_embedded_aliases_are_there_after_a_restart(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    await client.create_collection("a", vectors_config=VECTORS)
    await client.update_collection_aliases([named("x", "a")])
    await client.close()

    client = EdgeClient(tmp_path)

    assert await aliases(client) == {"x": "a"}
    with pytest.raises(UnexpectedResponse, match="already exists"):
        await client.create_collection("x", vectors_config=VECTORS)
    await client.close()


async def test_a_kill_in_a_switch_leaves_both_names_at_one_collection(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    for name in "ab":
        await client.create_collection(name, vectors_config=VECTORS)
    await client.close()

    await asyncio.to_thread(switch_until_killed, tmp_path)

    client = EdgeClient(tmp_path)
    found = await aliases(client)
    assert found["x"] == found["y"]
    assert sorted(found) == ["x", "y"]
    await client.close()
