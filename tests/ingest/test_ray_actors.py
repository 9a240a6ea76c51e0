"""What an actor does, without Ray: on servers each indexes its share beside the others, and writes it itself."""

import asyncio
import pickle
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

pytest.importorskip("pyarrow")

from graph.wiring import open_wiring
from ingest.parts import parts_over
from ingest.ray_actors import JOB, Indexer, Plan, table
from ingest.ray_index import slices
from ingest.report import Report
from ingest.sync import sync
from ingest.walk import Found, walk
from ports.settings import Settings
from tests.ingest.points import points
from tests.servers.postgres import require_postgres
from tests.servers.qdrant import qdrant
from tests.servers.redis import require_redis


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Settings]:
    name = f"ray_{secrets.token_hex(4)}"
    postgres = require_postgres()
    database = SecretStr(postgres.create(name))
    with qdrant(tmp_path / "qdrant") as url:
        yield Settings(
            data_dir=tmp_path / "data",
            qdrant_url=url,
            database_url=database,
            redis_url=SecretStr(require_redis().url),
        )
    postgres.drop(name)


def done(actor: Indexer, jobs: list[list[Found]]) -> list[Report]:
    """Return an actor's reports of its jobs."""
    asked = table([pickle.dumps(job) for job in jobs])
    return [pickle.loads(one) for found in actor(asked) for one in found[JOB].to_pylist()]


async def test_two_actors_on_servers_write_the_same_points_as_one_ingest(
    servers: Settings, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(8):
        (docs / f"{number}.md").write_text(
            f"# Page {number}\n\n" + f"A paragraph about {number}. " * 60 * (number % 3)
        )
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 broken")

    async with open_wiring(servers) as wiring:
        here = await sync([str(docs)], "here", parts_over(wiring, 1))
        plan = Plan(servers, "there", None, False, wiring.collection.embedding_name)
        actors = [await asyncio.to_thread(Indexer, plan) for _ in range(2)]
        jobs = list(slices(walk([str(docs)]).files, lambda file: file.size, 3))
        pairs = zip(actors, (jobs[0::2], jobs[1::2]), strict=True)
        reports = await asyncio.gather(*(asyncio.to_thread(done, actor, some) for actor, some in pairs))

        there = Report()
        for report in (one for some in reports for one in some):
            there.add(report)
        there.failures.sort()
        assert there.body() | {"seconds": 0} == here.body() | {"seconds": 0}
        assert (there.added, len(there.failures)) == (8, 1)
        assert await points(wiring.collection, "there") == await points(wiring.collection, "here")
        for actor in actors:
            await asyncio.to_thread(actor.close)
