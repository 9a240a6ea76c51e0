"""An upload's job ends once and visibly, whatever fails under it, and tells what is stored."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from contracts.errors import TooLarge
from contracts.identity import LOCAL
from graph.database import open_database
from ports.settings import Settings
from ports.valkey import open_redis
from server.jobs import Jobs
from server.lease import Lease
from server.log import Log, RunLog
from store import jobs
from store.engine import Database
from tests.servers.logs import going, stored

Tell = Callable[[str, int, int], None]
REPORT = {"added": 1, "failures": []}


class Place:
    """What a job works with; `work` is what its indexer does."""

    def __init__(
        self, folder: Path, database: Database, redis: Redis, lease: Any = None, patience: float = 0.0
    ) -> None:
        self.folder, self.database, self.redis = folder, database, redis
        self.log = Log(redis)
        self.lease = lease or Lease(redis, alone=True)
        self.jobs = Jobs(folder, database, self.log, self.lease, self._index, 600, patience)

    async def work(self, tell: Tell) -> None:
        """Index nothing."""

    async def _index(
        self, files: Sequence[tuple[Path, str]], tenant: str, groups: list[str], tell: Tell
    ) -> dict[str, Any]:
        await self.work(tell)
        return REPORT

    async def upload(self) -> jobs.Job:
        """Upload a file and return the job once nothing is done for it any more."""
        made = await self.jobs.accept(LOCAL, "a.md", whole, [])
        tasks = [task for task in asyncio.all_tasks() if task.get_name() == made["id"]]
        await asyncio.wait(tasks)
        assert not (self.folder / "uploads" / made["id"]).exists()
        return await jobs.get(self.database, LOCAL, made["id"])

    async def told(self, job: jobs.Job) -> list[tuple[str, dict[str, Any]]]:
        """Return the events of the job's log."""
        found = await stored(self.redis, RunLog(self.jobs.log_key("local", job["id"])))
        return [(name, data) for _, name, data in found]


async def whole(path: Path) -> int:
    return await asyncio.to_thread(path.write_bytes, b"# A\n\nText.\n")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncGenerator[Place]:
    async with open_redis(None, tmp_path) as redis, open_database(Settings(data_dir=tmp_path)) as database:
        place = Place(tmp_path, database, redis)
        async with going(place.log):
            yield place


async def test_a_defect_in_the_indexer_ends_the_job_and_is_noted(
    place: Place, caplog: pytest.LogCaptureFixture
):
    async def work(tell: Tell) -> None:
        raise ZeroDivisionError

    place.work = work
    job = await place.upload()
    name, data = (await place.told(job))[-1]
    assert (job["status"], name, data["code"], data["message"]) == (
        "failed",
        "error",
        "internal",
        job["error"],
    )
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


async def test_a_failure_after_the_job_was_stored_as_completed_does_not_contradict_it(place: Place):
    async def work(tell: Tell) -> None:
        await place.database.write(lambda connection: connection.execute(text("DROP TABLE documents")))

    place.work = work
    job = await place.upload()
    assert (job["status"], job["error"]) == ("completed", "")
    assert (await place.told(job))[-1] == ("done", {"report": REPORT})


async def test_a_log_that_lost_its_beginning_still_tells_the_end(place: Place):
    async def work(tell: Tell) -> None:
        tell("read", 0, 1)
        await place.log.flush()
        await place.redis.flushall()
        tell("embed", 1, 1)
        await place.log.flush()

    place.work = work
    job = await place.upload()
    assert (job["status"], [name for name, _ in await place.told(job)]) == ("completed", ["done"])


async def test_an_outage_of_the_log_ends_the_job_in_the_database(place: Place, tmp_path: Path):
    async with Redis(unix_socket_path=str(tmp_path / "nobody.sock")) as nobody:
        elsewhere = Place(tmp_path, place.database, nobody)
        job = await elsewhere.upload()
    assert (job["status"], job["error"]) == (
        "failed",
        "The run log does not answer. Try again in a moment.",
    )


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (asyncio.CancelledError(), "a.md did not arrive whole. Upload it again."),
        (OSError(28, "No space left on device"), "a.md did not arrive whole. Upload it again."),
        (TooLarge("The file is larger than 1 MB."), "The file is larger than 1 MB."),
    ],
)
async def test_what_does_not_arrive_whole_leaves_a_failed_job_and_no_file(
    place: Place, failure: BaseException, said: str
):
    async def read(path: Path) -> int:
        await asyncio.to_thread(path.write_bytes, b"# Ha")
        raise failure

    with pytest.raises(type(failure)):
        await place.jobs.accept(LOCAL, "a.md", read, [])
    (job,) = (await jobs.listing(place.database, LOCAL))["items"]
    assert (job["status"], job["error"]) == ("failed", said)
    assert list((place.folder / "uploads").iterdir()) == []


async def test_a_damaged_note_does_not_keep_the_server_from_starting(
    place: Place, caplog: pytest.LogCaptureFixture
):
    made = [await jobs.create(place.database, LOCAL, [name], 1, "w_dead") for name in ("bad.md", "good.md")]
    for job, note in zip(made, ("", json.dumps(asdict(LOCAL))), strict=True):
        folder = place.folder / "uploads" / job["id"]
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"# Text")
        said = {"job_id": job["id"], "who": asdict(LOCAL), "source": "good.md", "groups": []}
        (folder / "upload.json").write_text(note and json.dumps(said))
    caplog.set_level(logging.ERROR)
    assert await place.jobs.recover() == 1
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == made[1]["id"]]
    await asyncio.wait(tasks)
    ends = [(await jobs.get(place.database, LOCAL, job["id"]))["status"] for job in made]
    assert ends == ["failed", "completed"]
    assert made[0]["id"] in caplog.text
    assert (place.folder / "uploads" / made[0]["id"] / "file").exists()


class Leases:
    """Which of several processes are dead."""

    alone = False

    def __init__(self, owner: str, dead: set[str]) -> None:
        self.owner, self.dead = owner, dead

    async def lost(self, owners: set[str]) -> set[str]:
        return owners & self.dead


async def left_by(owner: str, place: Place) -> str:
    """Leave a job as a process does that was killed in it."""
    job = await jobs.create(place.database, LOCAL, ["a.md"], 1, owner)
    folder = place.folder / "uploads" / job["id"]
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"# A")
    said = {"job_id": job["id"], "who": asdict(LOCAL), "source": "a.md", "groups": []}
    (folder / "upload.json").write_text(json.dumps(said))
    return job["id"]


async def test_the_upload_of_another_server_is_ended_when_that_is_dead_and_not_before(
    place: Place, tmp_path: Path
):
    dead = set[str]()
    here = Place(tmp_path / "here", place.database, place.redis, Leases("w_here", dead))
    job = await left_by("w_there", place)
    assert await here.jobs.recover() == 0
    assert (await jobs.get(place.database, LOCAL, job))["status"] == "running"
    dead.add("w_there")
    assert await here.jobs.end_orphans() == 1
    ended = await jobs.get(place.database, LOCAL, job)
    assert (ended["status"], ended["error"]) == (
        "failed",
        "The server that had this file has stopped, and no other has the file. Upload it again.",
    )


async def test_a_server_that_comes_back_in_time_goes_on_with_its_uploads(place: Place, tmp_path: Path):
    job, dead = await left_by("w_before", place), {"w_before"}
    other = Place(tmp_path / "other", place.database, place.redis, Leases("w_other", dead), patience=60)
    assert await other.jobs.end_orphans() == 0
    back = Place(place.folder, place.database, place.redis, Leases("w_after", dead))
    async with going(back.log):
        assert await back.jobs.recover() == 1
        assert await other.jobs.end_orphans() == 0
        await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == job])
    assert (await jobs.get(place.database, LOCAL, job))["status"] == "completed"


async def test_an_upload_that_was_ended_meanwhile_is_not_indexed_later(place: Place):
    job = await left_by("w_before", place)
    await jobs.abandon(place.database, ["w_before"])
    assert await place.jobs.recover() == 0
    assert not (place.folder / "uploads" / job).exists()
