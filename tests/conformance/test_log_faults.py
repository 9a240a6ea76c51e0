"""A run log whose server hangs, dies, is full or loses data: nothing twice, no hole, no run fails for another."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from contracts.errors import StoreUnavailable
from ports.valkey import open_redis
from server.log import Log, RunLog
from tests.servers.cutter import cutting
from tests.servers.logs import fresh, going, numbers, stored, text
from tests.servers.private import Private, private


@pytest.fixture(params=["valkey", "redis"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Private]:
    own = private(request.param, tmp_path / "own")
    own.start()
    yield own
    own.proceed()
    own.kill()


@pytest.fixture
async def redis(server: Private, tmp_path: Path) -> AsyncIterator[Redis]:
    """A client as the server's own settings make it."""
    async with open_redis(f"unix://{server.socket}", tmp_path) as client:
        yield client


def begin(writer: Log, count: int = 1) -> list[RunLog]:
    """Return new logs, each with its first entry waiting."""
    logs = [fresh() for _ in range(count)]
    for log in logs:
        writer.append(log, "run", {"n": 0}, expire=600)
    return logs


def say(writer: Log, log: RunLog, *said: int) -> None:
    """Append entries with these numbers."""
    for n in said:
        writer.append(log, "citation", {"n": n})


async def attempts(redis: Redis, name: str, count: int) -> None:
    """Wait until the server has refused that many commands with this code."""
    seen = 0
    while seen < count:
        seen = int((await redis.info("errorstats")).get(f"errorstat_{name}", {"count": 0})["count"])


async def test_a_server_that_hangs_for_a_while_costs_nothing_but_time(server: Private, redis: Redis):
    writer = Log(redis)
    async with going(writer):
        logs = begin(writer, 5)
        await writer.flush()
        server.pause()
        for n in range(1, 200):
            for log in logs:
                say(writer, log, n)
        flushed = asyncio.create_task(writer.flush())
        await asyncio.wait([flushed], timeout=0.3)
        assert not flushed.done()
        server.proceed()
        await flushed
    for log in logs:
        assert (log.broken, numbers(await stored(redis, log))) == (None, list(range(200)))


async def test_after_an_outage_each_affected_run_fails_at_its_next_word_and_the_others_go_on(
    server: Private, redis: Redis
):
    writer = Log(redis, give_up=0.5)
    async with going(writer):
        ours, other = begin(writer, 2)
        writer.append_text(ours, "whole ")
        await writer.flush()
        server.pause()
        writer.append_text(ours, "lost ")
        await writer.flush(ours)
        server.proceed()
        say(writer, other, 1)
        await writer.flush()
        said = ours.answer()
        with pytest.raises(StoreUnavailable) as failed:
            writer.append_text(ours, "and then")
        writer.append(ours, "done", {"text": "a text with a hole"})
        say(writer, other, 2)
        await writer.flush()
    assert failed.value.body()["retryable"] is True
    assert (
        "could not be written for 0 s (TimeoutError). Your message is kept; ask again" in failed.value.message
    )
    assert ours.answer() == said == "whole lost "
    assert "done" not in [name for _, name, _ in await stored(redis, ours)]
    assert (other.broken, numbers(await stored(redis, other))) == (None, [0, 1, 2])


async def test_a_batch_given_up_is_in_the_log_as_a_whole_or_not_at_all_once_the_server_goes_on(
    server: Private, redis: Redis
):
    writer = Log(redis, give_up=0.3)
    async with going(writer):
        (log,) = begin(writer)
        await writer.flush()
        server.pause()
        say(writer, log, 1)
        await asyncio.sleep(0)
        say(writer, log, 2)
        await writer.flush()
        server.proceed()
        await redis.ping()
        say(writer, log, 3)
        await writer.flush()
    found = numbers(await stored(redis, log))
    assert found == list(range(len(found)))
    assert 3 not in found


async def test_one_log_that_refuses_breaks_alone_and_the_rest_of_its_batch_is_written_once(redis: Redis):
    writer = Log(redis)
    async with going(writer):
        bad, good = begin(writer, 2)
        await writer.flush()
        await redis.delete(bad.key)
        await redis.set(bad.key, "not a stream")
        for n in range(1, 50):
            say(writer, bad, n)
            say(writer, good, n)
        began = time.monotonic()
        await writer.flush()
        took = time.monotonic() - began
        with pytest.raises(StoreUnavailable, match=r"refuses this answer \(WRONGTYPE.* ask again"):
            writer.append_text(bad, "more")
    assert took < 5
    assert (good.broken, numbers(await stored(redis, good))) == (None, list(range(50)))
    assert await redis.xlen(good.key) == (await redis.xinfo_stream(good.key))["entries-added"] == 50


async def test_a_full_server_takes_everything_in_order_when_it_has_room_again(redis: Redis):
    writer = Log(redis)
    async with going(writer):
        logs = begin(writer, 3)
        await writer.flush()
        await redis.config_set("maxmemory", 1)
        for n in range(1, 60):
            for log in logs:
                say(writer, log, n)
        await attempts(redis, "OOM", 200)
        await redis.config_set("maxmemory", 0)
        await writer.flush()
    for log in logs:
        assert (log.broken, numbers(await stored(redis, log))) == (None, list(range(60)))


async def test_a_server_that_stays_full_breaks_the_logs_and_says_why(redis: Redis):
    writer = Log(redis, give_up=0.3)
    async with going(writer):
        (log,) = begin(writer)
        await writer.flush()
        await redis.config_set("maxmemory", 1)
        say(writer, log, 1)
        await writer.flush()
    assert log.broken is not None
    assert "could not be written for 0 s (it takes nothing now)" in log.broken.message


async def test_a_server_that_is_a_replica_for_a_while_takes_everything_afterwards(redis: Redis):
    writer = Log(redis)
    async with going(writer):
        (log,) = begin(writer)
        await writer.flush()
        await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        say(writer, log, *range(1, 30))
        await attempts(redis, "READONLY", 30)
        await redis.execute_command("REPLICAOF", "NO", "ONE")
        await writer.flush()
    assert (log.broken, numbers(await stored(redis, log))) == (None, list(range(30)))


async def test_a_server_that_was_killed_and_loads_its_data_takes_everything_once_it_has(
    server: Private, redis: Redis
):
    writer = Log(redis)
    async with going(writer):
        (log,) = begin(writer)
        for n in range(100):
            await redis.set(f"slow:{n}", random.randbytes(2000))
        await writer.flush()
        await redis.bgrewriteaof()
        while (await redis.info("persistence"))["aof_rewrite_in_progress"]:
            pass
        server.kill()
        server.start(wait=False, key_load_delay="10000", loading_process_events_interval_bytes="1024")
        say(writer, log, *range(1, 30))
        await attempts(redis, "LOADING", 1)
        await writer.flush()
    assert (log.broken, numbers(await stored(redis, log))) == (None, list(range(30)))


async def test_a_server_that_lost_its_data_leaves_no_log_without_its_beginning(server: Private, redis: Redis):
    writer = Log(redis)
    async with going(writer):
        (log,) = begin(writer)
        await writer.flush()
        await redis.flushall()
        say(writer, log, 1)
        (new,) = begin(writer)
        await writer.flush()
    assert await redis.keys() == [new.key.encode()]
    assert log.broken is not None
    assert "lost what it held of this answer" in log.broken.message
    assert new.broken is None


async def test_an_entry_that_a_later_one_overtook_breaks_its_log_instead_of_being_taken_for_written(
    redis: Redis,
):
    writer = Log(redis)
    (log,) = begin(writer)
    say(writer, log, 1)
    overtaker = f"{log.last[0]}-{log.last[1] + 1}"
    await redis.xadd(log.key, {"e": "citation", "d": "{}"}, id=overtaker)
    async with going(writer):
        await writer.flush()
    assert log.broken is not None
    assert "could not keep a part of this answer in its place" in log.broken.message


async def test_what_is_under_way_when_the_process_ends_is_still_written(server: Private, redis: Redis):
    writer = Log(redis)
    async with going(writer):
        (log,) = begin(writer)
        await writer.flush()
        server.pause()
        say(writer, log, *range(1, 20))
        flushed = asyncio.create_task(writer.flush())
        await asyncio.wait([flushed], timeout=0.2)
        asyncio.get_running_loop().call_later(0.3, server.proceed)
    await flushed
    assert numbers(await stored(redis, log)) == list(range(20))


async def test_the_process_ends_in_time_while_its_server_hangs(server: Private, redis: Redis):
    writer = Log(redis)
    async with going(writer):
        (log,) = begin(writer)
        await writer.flush()
        server.pause()
        say(writer, log, 1)
        flushed = asyncio.create_task(writer.flush())
        await asyncio.wait([flushed], timeout=0.2)
        began = time.monotonic()
    took = time.monotonic() - began
    await flushed
    assert took < 3
    assert log.broken is not None


async def test_a_message_is_refused_in_time_while_the_server_hangs(server: Private, redis: Redis):
    server.pause()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as refused:
        await Log(redis).require()
    assert time.monotonic() - began < 5
    assert refused.value.retry_after == 2


Cut = tuple[str, int]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.tuples(st.sampled_from(["asked", "answered"]), st.integers(0, 3000)), max_size=3))
async def test_wherever_the_line_is_cut_each_entry_is_there_once_and_in_order(
    server: Private, redis: Redis, cuts: list[Cut]
):
    async with cutting(server.socket) as (through, cutter):
        writer = Log(through)
        async with going(writer):
            logs = begin(writer, 3)
            for round, (way, after) in enumerate([*cuts, ("asked", 0)]):
                setattr(cutter, way, after)
                for n in range(8):
                    for log in logs:
                        say(writer, log, 1 + round * 8 + n)
                        writer.append_text(log, f"{n} ")
                await writer.flush()
    for log in logs:
        found = await stored(redis, log)
        assert numbers(found) == list(range(1 + 8 * (len(cuts) + 1)))
        assert text(found) == log.answer()
        assert log.broken is None
