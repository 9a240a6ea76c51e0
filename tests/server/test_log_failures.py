"""What a client sees when the log under its stream hangs, is emptied, rolled back or trimmed."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from redis import Redis as Direct
from redis.asyncio import Redis

from contracts.identity import LOCAL
from ports.valkey import open_redis
from server.lease import Lease
from server.log import Log, RunLog, log_key
from server.runs import Runs
from server.stream import START, Streams
from server.tail import PAGE, Tail
from store import conversations, ends, runs
from store.engine import engine_for
from store.migrate import upgrade
from tests.servers.logs import fresh, going, numbers, stored
from tests.servers.private import Private, private
from tests.servers.runtime import Runtime, events, named, running, text_of
from tests.tcp.model import Model, serving_model, settings_for
from tests.tcp.process import Stream, asking, attached


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def server(model: Model, folder: Path) -> Iterator[Runtime]:
    model.reset()
    with running(folder, None, **settings_for(model)) as found:
        found.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        yield found


def redis_of(server: Runtime) -> Any:
    """Return a client of the server's log, to do to it what an outage does."""
    return Direct(unix_socket_path=str(server.settings.data_dir.resolve() / "valkey.sock"))


def log_of(stream: Stream) -> str:
    return f"sb:local:run:{stream.run_id()}:log"


def test_a_run_whose_log_is_lost_ends_for_every_client_with_one_retryable_error(
    server: Runtime, model: Model
):
    model.reset(tokens=400, pace=50)
    conversation = server.conversation()
    with asking(server, "Count on.", conversation) as stream, redis_of(server) as redis:
        stream.until("token", 3)
        redis.flushall()
        seen = stream.rest()
    ends = [event for event in seen if event.name in ("done", "error")]
    assert [(end.name, end.data["code"], end.data["retryable"]) for end in ends] == [
        ("error", "store_unavailable", True)
    ]
    path = f"/messaging/conversations/{conversation}/messages"
    answer = server.http.get(path).json()["items"][1]
    assert (text_of(seen), answer["status"]) == (answer["content"], "failed")
    again = server.replay(stream.run_id())
    assert (text_of(again), named(again, "error")) == (answer["content"], [ends[0].data])


def test_a_run_that_had_said_everything_when_its_log_was_lost_ends_with_its_whole_answer(
    server: Runtime, model: Model
):
    model.reset(tokens=30)
    whole = server.ask("Count.")
    run_id = named(whole, "run")[0]["run_id"]
    with redis_of(server) as redis:
        redis.flushall()
    again = server.replay(run_id)
    assert (text_of(again), named(again, "done")) == (model.text(), named(whole, "done"))


def test_while_the_log_hangs_an_answer_that_has_ended_is_told_and_one_under_way_is_said_to_be_unreachable(
    server: Runtime, model: Model
):
    model.reset(tokens=30)
    whole = server.ask("Count.")
    model.reset(tokens=400, pace=10)
    with asking(server, "Count on.") as stream, redis_of(server) as redis:
        stream.until("token", 3)
        redis.client_pause(15_000)
        again = server.replay(named(whole, "run")[0]["run_id"])
        refused = server.http.get(f"/messaging/runs/{stream.run_id()}/stream")
        redis.ping()  # answered when the pause is over
        server.http.post(f"/messaging/runs/{stream.run_id()}/cancel").raise_for_status()
    assert (text_of(again), named(again, "done")) == (text_of(whole), named(whole, "done"))
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (
        503,
        "store_unavailable",
        "2",
    )


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Private]:
    server = private("valkey", tmp_path / "own")
    server.start()
    yield server
    server.proceed()
    server.kill()


@pytest.fixture
async def redis(own: Private, tmp_path: Path) -> AsyncGenerator[Redis]:
    async with open_redis(f"unix://{own.socket}", tmp_path) as client:
        yield client


def streams_over(redis: Redis) -> Any:
    """Return streams that are asked for gaps alone."""
    parts: Any = None
    return Streams(redis, Tail(redis, "here"), parts, parts)


async def write(redis: Redis, log: Any, *said: int) -> None:
    writer = Log(redis)
    async with going(writer):
        for n in said:
            writer.append(log, "citation", {"n": n})
        await writer.flush()


async def roll_back(redis: Redis, log: Any, copy: bytes) -> None:
    """Bring the log back to a copy, as a server does that starts again from an older file."""
    await redis.restore(log.key, 0, copy, replace=True)


async def test_a_client_that_comes_while_the_log_hangs_gets_heartbeats(own: Private, redis: Redis):
    tail = Tail(redis, "here")
    async with going(tail), aclosing(tail.follow("sb:local:run:run_1:log", START, 0.2)) as frames:
        own.pause()
        try:
            async with asyncio.timeout(3):
                assert await anext(frames) == []
        finally:
            own.proceed()


async def test_a_log_that_ends_with_a_mark_of_its_owner_is_as_quiet_as_any(redis: Redis):
    """Left by an owner that died there: it is read once, not again and again, and the client gets its heartbeats."""
    tail, log = Tail(redis, "here"), fresh()
    writer = Log(redis)
    async with going(writer):
        writer.append(log, "citation", {"n": 1})
        writer.append(log, "mark", {})
        await writer.flush()
    async with going(tail), aclosing(tail.follow(log.key, START, 0.2)) as frames, asyncio.timeout(5):
        assert len(await anext(frames)) == 1
        assert await anext(frames) == []
        await write(redis, log, 2)
        while not (found := await anext(frames)):
            pass
        assert len(found) == 1


async def test_a_followed_key_that_is_no_stream_does_not_stop_the_other_streams(redis: Redis):
    log = fresh()
    tail: Any = Tail(redis, "here")
    await redis.set("sb:local:run:run_1:log", "not a stream")
    await write(redis, log, 1)
    async with going(tail), aclosing(tail.follow("sb:local:run:run_1:log", START, 60)) as bad:
        waiting = asyncio.create_task(anext(bad))
        while not await redis.exists(tail._bell):
            pass  # until it is followed
        async with asyncio.timeout(3), aclosing(tail.follow(log.key, START, 60)) as good:
            try:
                assert len(await anext(good)) == 1
            finally:
                waiting.cancel()
                await asyncio.wait([waiting])


async def test_a_server_that_refuses_every_read_for_a_while_silences_nobody(redis: Redis):
    tail, log = Tail(redis, "here"), fresh()
    await write(redis, log, 1)
    async with going(tail), aclosing(tail.follow(log.key, START, 60)) as frames:
        assert len(await anext(frames)) == 1
        await redis.execute_command("ACL", "SETUSER", "default", "-xread")
        await write(redis, log, 2)  # the blocked read ends, and the next ones are refused
        waiting = asyncio.create_task(anext(frames))
        await asyncio.wait([waiting], timeout=0.5)
        await redis.execute_command("ACL", "SETUSER", "default", "+xread")
        await write(redis, log, 3)
        async with asyncio.timeout(5):
            found = await waiting
            if len(found) == 1:
                found += await anext(frames)
    assert len(found) == 2


async def test_a_slow_client_whose_log_is_trimmed_meanwhile_is_told(redis: Redis):
    tail, log = Tail(redis, "here"), fresh()
    async with going(tail), aclosing(tail.follow(log.key, START, 5)) as frames:
        await write(redis, log, 0)
        seen = len(await anext(frames))
        await write(redis, log, *range(1, PAGE + 100))
        async with aclosing(tail.follow(log.key, log.last, 0.5)) as other:
            assert await anext(other) == []  # the reader has gone past what the slow client has room for
        await redis.xtrim(log.key, maxlen=10, approximate=False)
        await write(redis, log, PAGE + 100)
        while seen < PAGE + 101:
            found = await anext(frames)
            assert found, f"{PAGE + 101 - seen} entries are missing and nothing said so"
            if b"gap" in [name for name, _ in found]:
                return
            seen += len(found)


async def test_a_stream_that_is_trimmed_under_its_slow_client_is_made_good(redis: Redis, tmp_path: Path):
    database = engine_for(f"sqlite:///{tmp_path}/runs.sqlite")
    await upgrade(database)
    conversation = await conversations.create(database, LOCAL, "")
    accepted = await runs.accept(database, LOCAL, conversation["id"], "default", "Count.")
    said, log = Log(redis), RunLog(log_key(LOCAL.tenant, accepted.run_id))
    parts: Any = None
    tail = Tail(redis, "here")
    streams = Streams(redis, tail, Runs(parts, said, database, parts, 60, parts), database)

    async def say(*numbers: int) -> None:
        for n in numbers:
            said.append(log, "token", {"text": f"{n} "})
        await said.flush()

    opened = await streams.open(LOCAL, accepted.run_id, "")
    assert opened is not None
    async with going(said), going(tail), aclosing(opened) as frames:
        await say(0)
        seen = await anext(frames)
        await say(*range(1, PAGE + 100))
        async with aclosing(tail.follow(log.key, log.last, 0.5)) as other:
            assert await anext(other) == []  # the reader has gone past what the slow client has room for
        await redis.xtrim(log.key, maxlen=10, approximate=False)
        text = "".join(f"{n} " for n in range(PAGE + 101))
        await ends.finish(database, LOCAL, accepted.run_id, "completed", text, {})
        await say(PAGE + 100)
        said.append(log, "done", {"status": "completed", "text": text})
        await said.flush()
        seen += b"".join([piece async for piece in frames])
    await database.dispose()
    found = list(events(iter(seen.decode().splitlines())))
    assert [event.name for event in found if event.name != "token"] == ["gap", "run", "restart", "done"]
    assert (text_of(found), found[-1].data["text"]) == (text, text)


async def test_a_cursor_from_before_a_roll_back_is_a_gap(redis: Redis):
    log = fresh()
    await write(redis, log, 1)
    copy = await redis.dump(log.key)
    assert copy is not None
    await write(redis, log, 2)
    lost = log.last
    await roll_back(redis, log, copy)
    assert await streams_over(redis)._gap(log.key, lost, ended=False) is not None


async def test_a_cursor_of_a_log_that_was_begun_anew_is_a_gap(redis: Redis):
    log = fresh()
    await write(redis, log, 1)
    old = log.last
    await redis.flushall()
    log.begun = False  # as the next start's recovery begins it
    await write(redis, log, 2)
    assert await streams_over(redis)._gap(log.key, old, ended=False) is not None


async def test_a_log_that_was_rolled_back_under_a_run_is_broken(redis: Redis):
    """The lease is renewed with a number that rises; a server that knows an older one has lost what came after."""
    log, whole, writer, lease = fresh(), fresh(), Log(redis), Lease(redis, alone=False)
    alarms: list[str] = []

    async def lapsed() -> None:
        alarms.append("lapsed")

    async def rolled_back() -> None:
        alarms.append("rolled back")
        await writer.verify([log, whole])

    async with going(writer):
        writer.append(log, "run", {"n": 0}, expire=600)
        await writer.flush()
        await lease.renew(lapsed, rolled_back)
        copy = await redis.dump(log.key)
        assert copy is not None
        writer.append(log, "citation", {"n": 1})
        writer.append(whole, "run", {"n": 1}, expire=600)
        await writer.flush()
        await lease.renew(lapsed, rolled_back)
        assert (alarms, log.broken) == ([], None)
        await redis.decr(f"sb:lease:{lease.owner}")
        await roll_back(redis, log, copy)
        await lease.renew(lapsed, rolled_back)
        writer.append(log, "citation", {"n": 2})
        await writer.flush()
    assert alarms == ["rolled back"]
    assert log.broken is not None
    assert numbers(await stored(redis, log)) == [0]
    assert whole.broken is None


def test_the_stream_of_an_ended_job_ends_though_its_log_lost_the_end(server: Runtime):
    made = server.http.post("/documents", files={"file": ("a.md", b"# A\n\nText.\n")}).json()
    path = f"/documents/jobs/{made['job_id']}/stream"
    with server.http.stream("GET", path) as response:
        assert b"event: done" in response.read()
    key = f"sb:local:job:{made['job_id']}:log"
    with redis_of(server) as redis:
        (last,) = redis.xrevrange(key, count=1)
        redis.xdel(key, last[0])
        with server.http.stream("GET", path) as response:
            again = response.read()
    assert again.count(b"event: done") == 1


def test_two_clients_of_a_lost_log_end_alike(server: Runtime, model: Model):
    model.reset(tokens=400, pace=50)
    with asking(server, "Count for two.") as first, redis_of(server) as redis:
        first.until("token", 2)
        with attached(server, first.run_id()) as second:
            second.until("token")
            redis.delete(log_of(first))
            ends = [stream.rest()[-1] for stream in (first, second)]
    assert ends[0] == ends[1]
    assert ends[0].name == "error"
    assert text_of(first.seen) == text_of(second.seen)
