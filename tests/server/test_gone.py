"""A database, an index or a log that goes away under a running server: waited for a while, then said; no restart."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from pydantic import SecretStr
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import OperationalError

from contracts.errors import StoreUnavailable
from contracts.identity import LOCAL
from ports.checkpoints import Checkpoints, config_for, open_checkpoints
from ports.settings import Settings
from server.live import live_of
from server.open import open_parts
from server.parts import Parts
from store import conversations, runs
from store.postgres import PostgreSQL
from tests.servers.cable import Cable, cable_to
from tests.servers.postgres import require_postgres
from tests.servers.qdrant import qdrant
from tests.servers.redis import require_redis
from tests.servers.runtime import Runtime, named, running, text_of
from tests.tcp.model import Model, serving_model, settings_for
from tests.tcp.process import asking, rising

QUESTION = "How many days of annual leave do full-time staff have?"


@pytest.fixture(scope="module")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def model(the_model: Model) -> Model:
    the_model.reset()
    return the_model


@pytest.fixture(scope="module")
def to_sql() -> Iterator[Cable]:
    with cable_to(str(require_postgres().folder / ".s.PGSQL.5432")) as cable:
        yield cable


@pytest.fixture
def sql(to_sql: Cable) -> Iterator[Cable]:
    """The cable to the database of this module's servers, whole again after the test."""
    yield to_sql
    to_sql.mend()


@contextlib.contextmanager
def database_at(cable: Cable) -> Iterator[SecretStr]:
    """Make a database behind the cable."""
    name = f"gone_{secrets.token_hex(4)}"
    require_postgres().create(name)
    yield SecretStr(f"postgresql://postgres@127.0.0.1:{cable.port}/{name}")
    require_postgres().drop(name)


@pytest.fixture
def url(sql: Cable) -> Iterator[SecretStr]:
    """A database that no other server sees."""
    with database_at(sql) as made:
        yield made


@pytest.fixture(scope="module")
def to_log() -> Iterator[Cable]:
    with cable_to(require_redis().socket) as cable:
        yield cable


@pytest.fixture
def log(to_log: Cable) -> Iterator[Cable]:
    """The cable to the log, likewise."""
    yield to_log
    to_log.mend()


@pytest.fixture(scope="module")
def server(
    the_model: Model, to_sql: Cable, to_log: Cable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    folder, redis = tmp_path_factory.mktemp("gone"), SecretStr(f"redis://127.0.0.1:{to_log.port}")
    with (
        database_at(to_sql) as url,
        running(folder, None, database_url=url, redis_url=redis, **settings_for(the_model)) as found,
    ):
        found.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        yield found


def states(server: Runtime) -> dict[str, str]:
    found = server.http.get("/health").json()["dependencies"]
    return {name: one["state"] for name, one in found.items()}


@pytest.mark.parametrize("moment", ["decision", "token"])
def test_a_database_that_goes_away_in_the_middle_of_an_answer_costs_its_client_nothing(
    server: Runtime, model: Model, sql: Cable, moment: str
):
    model.reset(tokens=50, pace=100, ttft=0.3)
    conversation = server.conversation()
    with asking(server, "Count on.", conversation) as stream:
        stream.until(moment)
        sql.cut()
        sql.until_refused(3)
        sql.mend()
        seen = stream.rest()
    stored = server.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"][1]
    (done,) = named(seen, "done")
    assert done["status"] == "completed"
    assert text_of(seen) == done["text"] == stored["content"] == model.text()
    assert rising(seen)


def test_a_message_is_refused_while_the_database_is_gone_and_taken_when_it_is_back(
    server: Runtime, model: Model, sql: Cable
):
    conversation = server.conversation()
    sql.cut()
    refused = server.http.post(f"/messaging/conversations/{conversation}/stream", json={"content": "Count."})
    meanwhile = states(server)
    sql.mend()
    assert (refused.status_code, refused.json()) == (
        503,
        {
            "code": "store_unavailable",
            "message": "The database does not answer. Try again in a moment.",
            "retryable": True,
        },
    )
    assert {name for name, state in meanwhile.items() if state != "healthy"} == {"database"}
    assert meanwhile["database"] == "error"
    assert set(states(server).values()) == {"healthy"}
    assert text_of(server.ask("Count.", conversation)) == model.text()
    assert len(server.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]) == 2


def test_a_slow_log_makes_answers_late_and_costs_nothing_else(server: Runtime, model: Model, log: Cable):
    model.reset(tokens=40, pace=200)
    log.slow(0.05)
    seen = server.ask("Count slowly.")
    replayed = server.replay(named(seen, "run")[0]["run_id"])
    meanwhile = states(server)
    log.mend()
    assert text_of(seen) == named(seen, "done")[0]["text"] == model.text()
    assert replayed == seen
    assert set(meanwhile.values()) == {"healthy"}


@pytest.fixture
async def parts(model: Model, url: SecretStr, sql: Cable, tmp_path: Path) -> AsyncGenerator[Parts]:
    """The parts of a server without HTTP."""
    nothing: Any = None
    settings = Settings(data_dir=tmp_path / "data", database_url=url, **settings_for(model))
    async with open_parts(settings, lambda _: nothing) as found:
        yield found


async def test_a_run_that_begins_while_the_database_is_gone_waits_for_it(
    parts: Parts, model: Model, sql: Cable
):
    place = await conversations.create(parts.database, LOCAL, "")
    begun = await runs.accept(parts.database, LOCAL, place["id"], "default", "hello", owner=parts.lease.owner)
    live = live_of(LOCAL, begun, "default", "hello", [])
    sql.cut()
    parts.runs.start(live)
    await asyncio.to_thread(sql.until_refused, 3)
    sql.mend()
    assert live.task is not None
    await live.task
    run = await runs.get(parts.database, LOCAL, begun.run_id)
    assert (run["error"], run["status"]) == (None, "completed")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cable, Runtime]]:
    """A server whose index is behind a cable."""
    with (
        qdrant(tmp_path_factory.mktemp("qdrant")) as target,
        cable_to(int(target.rpartition(":")[2])) as cable,
    ):
        place = f"http://127.0.0.1:{cable.port}"
        with running(tmp_path_factory.mktemp("indexed") / "data", qdrant_url=place) as found:
            yield cable, found


def test_an_answer_waits_for_an_index_that_is_away_for_a_moment(index: tuple[Cable, Runtime]):
    cable, server = index
    whole = text_of(server.ask(QUESTION))
    server.upload("new.md", b"# New\n\nSo that no answer is remembered.\n")
    conversation = server.conversation()
    cable.cut()
    with asking(server, QUESTION, conversation) as stream:
        cable.until_refused()
        cable.mend()
        seen = stream.rest()
    assert "26 days" in whole
    assert text_of(seen) == named(seen, "done")[0]["text"] == whole


def test_an_index_that_stays_away_is_one_error_and_the_conversation_goes_on_when_it_is_back(
    index: tuple[Cable, Runtime],
):
    cable, server = index
    conversation = server.conversation()
    cable.cut()
    seen = server.ask("How much notice must I give?", conversation)
    meanwhile = states(server)
    cable.mend()
    assert [event.name for event in seen][-1:] == ["error"]
    assert named(seen, "error") == [
        {
            "code": "index_unavailable",
            "message": "The document index does not answer. Try again in a moment.",
            "retryable": True,
        }
    ]
    assert (meanwhile["index"], meanwhile["log"]) == ("error", "healthy")
    assert set(states(server).values()) == {"healthy"}
    assert "26 days" in text_of(server.ask(QUESTION, conversation))


async def test_a_database_that_falls_silent_is_given_up_and_answers_again_afterwards(
    to_sql: Cable, sql: Cable
):
    def one(connection: Connection) -> Any:
        return connection.execute(text("SELECT 1")).scalar()

    address = f"postgresql+psycopg://postgres@127.0.0.1:{to_sql.port}/postgres"
    database = PostgreSQL(make_url(address), silent=0.2)
    assert await database.write(one) == 1
    sql.hang()
    began = asyncio.get_running_loop().time()
    with pytest.raises(OperationalError):
        await database.write(one)
    took = asyncio.get_running_loop().time() - began
    sql.mend()
    assert (await database.read(one), await database.write(one)) == (1, 1)
    await database.dispose()
    assert took < 4


async def test_what_may_take_minutes_is_waited_for():
    def migrate(connection: Connection) -> Any:
        return connection.execute(text("SELECT 'migrated' FROM pg_sleep(0.5)")).scalar()

    database = PostgreSQL(make_url(require_postgres().url()).set(drivername="postgresql+psycopg"), silent=0.2)
    with pytest.raises(OperationalError):
        await database.write(migrate)
    assert await database.write(migrate, patient=True) == "migrated"
    with pytest.raises(OperationalError):
        await database.write(migrate)
    await database.dispose()


async def test_a_checkpoint_waits_for_a_database_that_is_away(url: SecretStr, sql: Cable, tmp_path: Path):
    kept, channels = empty_checkpoint(), {"branch:to:generate": "1"}
    kept["channel_versions"], kept["channel_values"] = dict(channels), dict(channels)
    async with open_checkpoints(url.get_secret_value(), tmp_path) as saver:
        await saver.aput(config_for("run_0"), kept, {}, dict(channels))
        sql.cut()
        putting = asyncio.create_task(saver.aput(config_for("run_1"), kept, {}, dict(channels)))
        await asyncio.to_thread(sql.until_refused, 2)
        with pytest.raises(StoreUnavailable):
            await saver.forget(["run_0"])
        sql.mend()
        await putting
        found = await saver.aget_tuple(config_for("run_1"))
        await saver.forget(["run_0", "run_1"])
        assert found is not None
        assert found.checkpoint["id"] == kept["id"]


async def threads_of(saver: Checkpoints) -> list[str]:
    """Return the threads; a pool's connection that the cut has broken fails once."""
    with contextlib.suppress(StoreUnavailable):
        return await saver.threads()
    return ["unknown"]


async def test_after_an_outage_runs_are_still_taken_over_and_checkpoints_deleted(
    parts: Parts, url: SecretStr, sql: Cable, tmp_path: Path
):
    kept = empty_checkpoint()
    async with open_checkpoints(url.get_secret_value(), tmp_path) as saver:
        await saver.aput({"configurable": {"thread_id": "run_ended", "checkpoint_ns": ""}}, kept, {}, {})
        sql.cut()
        parts.runs.over.add("run_ended")
        await asyncio.to_thread(sql.until_refused, 5)
        sql.mend()
        place = await conversations.create(parts.database, LOCAL, "")
        left = await runs.accept(parts.database, LOCAL, place["id"], "default", "hello", owner="")
        async with asyncio.timeout(20):
            while (await runs.get(parts.database, LOCAL, left.run_id))["finished_at"] is None:
                await parts.runs.freed.wait()
                parts.runs.freed.clear()
            while await threads_of(saver):
                pass
