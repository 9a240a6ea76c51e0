"""The run log on the embedded Valkey and on Debian's Redis: the same cases, the same promises."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from ports.valkey import open_redis
from server.log import Id, Log, RunLog
from server.stream import START, Streams
from server.tail import PAGE, Tail, to_id
from tests.servers.cutter import cutting
from tests.servers.logs import Stored, fresh, going, numbers, stored, text
from tests.servers.redis import require_redis

QUIET = 5.0
"""Seconds that a reader waits for what was appended before its test fails."""


@pytest.fixture(params=["valkey", "redis"])
async def socket(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A server's unix socket."""
    if request.param == "redis":
        yield require_redis().socket
        return
    async with open_redis(None, tmp_path):
        yield f"{tmp_path}/valkey.sock"


@pytest.fixture
async def redis(socket: str, tmp_path: Path) -> AsyncIterator[Redis]:
    async with open_redis(f"unix://{socket}", tmp_path) as client:
        yield client


async def read(tail: Tail, log: RunLog, after: Id = START, count: int = 0) -> Stored:
    """Follow a log to its `done`, or to that many entries, and return what was seen."""
    seen: Stored = []
    async with aclosing(tail.follow(log.key, after, QUIET)) as batches:
        async for frames in batches:
            assert frames, f"nothing came for {QUIET} s after {len(seen)} entries"
            seen += [_entry(frame) for _, frame in frames]
            if seen[-1][1] == "done" or (count and len(seen) >= count):
                break
    return seen


def _entry(frame: bytes) -> tuple[Id, str, dict[str, Any]]:
    id, name, data = (line.partition(b": ")[2] for line in frame.split(b"\n")[:3])
    return to_id(id), name.decode(), orjson.loads(data)


async def test_entries_are_stored_in_the_order_in_which_they_were_appended(redis: Redis):
    log, writer = fresh(), Log(redis)
    async with going(writer):
        for n in range(500):
            writer.append(log, "citation", {"n": n})
        await writer.flush()
    found = await stored(redis, log)
    assert [data["n"] for _, _, data in found] == list(range(500))
    assert [id for id, _, _ in found] == sorted({id for id, _, _ in found})


async def test_tokens_that_wait_are_one_entry_and_no_event_is_passed_by_another(redis: Redis):
    log, writer = fresh(), Log(redis)
    writer.append(log, "decision", {})
    for piece in ("a", "b", "c"):
        writer.append_text(log, piece)
    writer.append(log, "citation", {})
    writer.append_text(log, "d")
    async with going(writer):
        await writer.flush()
        writer.append_text(log, "e")
        await writer.flush()
    found = [(name, data.get("text")) for _, name, data in await stored(redis, log)]
    assert found == [("decision", None), ("token", "abc"), ("citation", None), ("token", "d"), ("token", "e")]
    assert log.answer() == "abcde"


async def test_a_restart_begins_the_text_anew(redis: Redis):
    log, writer = fresh(), Log(redis)
    writer.append_text(log, "old")
    writer.append(log, "restart", {"reason": ""})
    writer.append_text(log, "new")
    async with going(writer):
        await writer.flush()
    assert log.answer() == "new"
    assert [name for _, name, _ in await stored(redis, log)] == ["token", "restart", "token"]


async def test_a_log_goes_on_after_its_last_id_in_another_process(redis: Redis):
    first, writer = fresh(), Log(redis)
    async with going(writer):
        first.last = (2**45, 7)  # a clock that was ahead
        writer.append(first, "run", {})
        await writer.flush()
        second = RunLog(first.key)
        await writer.resume(second)
        writer.append(second, "restart", {"reason": ""})
        await writer.flush()
    assert [id for id, _, _ in await stored(redis, first)] == [(2**45, 8), (2**45, 9)]


async def test_an_end_lets_the_log_go_after_its_time(redis: Redis):
    log, writer = fresh(), Log(redis)
    async with going(writer):
        writer.append(log, "run", {}, expire=90_000)
        writer.append(log, "done", {}, expire=60)
        await writer.flush()
    assert 55 < await redis.ttl(log.key) <= 60


async def test_a_batch_whose_reply_was_lost_is_sent_again_and_written_once(socket: str, redis: Redis):
    async with cutting(socket) as (through, cutter):
        log, writer = fresh(), Log(through)
        async with going(writer):
            for n in range(6):
                cutter.answered = n % 3  # bytes of the reply that still pass
                writer.append(log, "citation", {"n": n})
                writer.append_text(log, f"{n} ")
                await writer.flush()
    found = await stored(redis, log)
    assert cutter.lost == 6
    assert numbers(found) == list(range(6))
    assert text(found) == log.answer() == "0 1 2 3 4 5 "
    assert log.broken is None


async def test_a_server_that_runs_no_scripts_takes_every_entry_in_order(redis: Redis):
    await redis.execute_command("ACL", "SETUSER", "plain", "on", "nopass", "~*", "+@all", "-@scripting")
    settings = redis.connection_pool.connection_kwargs
    plain = Redis(unix_socket_path=settings["path"], username="plain", password="any", protocol=3)
    log, writer = fresh(), Log(plain)
    async with aclosing(plain), going(writer):
        for n in range(3):
            writer.append(log, "citation", {"n": n}, expire=60)
            await writer.flush()
    assert numbers(await stored(redis, log)) == [0, 1, 2]
    assert 55 < await redis.ttl(log.key) <= 60
    assert log.broken is None


async def test_one_log_that_is_refused_harms_no_other_of_its_batch(redis: Redis):
    lost, other, writer = fresh(), fresh(), Log(redis)
    async with going(writer):
        for log in (lost, other):
            writer.append(log, "citation", {"n": 0})
        await writer.flush()
        await redis.delete(lost.key)
        for n in (1, 2):
            for log in (lost, other):
                writer.append(log, "citation", {"n": n})
        await writer.flush()
    assert (lost.broken is not None, other.broken) == (True, None)
    assert numbers(await stored(redis, other)) == [0, 1, 2]
    assert not await redis.exists(lost.key)


async def test_a_cursor_that_was_trimmed_away_is_a_gap_and_one_that_was_not_is_none(redis: Redis):
    log, writer = fresh(), Log(redis)
    async with going(writer):
        for n in range(10):
            writer.append(log, "citation", {"n": n})
        await writer.flush()
    ids = [id for id, _, _ in await stored(redis, log)]
    streams: Any = Streams(redis, Tail(redis, "here"), None, None)  # pyright: ignore[reportArgumentType] - not asked here
    assert await streams._gap(log.key, ids[2], ended=False) is None
    await redis.xtrim(log.key, minid=f"{ids[5][0]}-{ids[5][1]}", approximate=False)
    oldest = f"{ids[5][0]}-{ids[5][1]}"
    said = await streams._gap(log.key, ids[2], ended=False)
    assert said == {"from": f"{ids[2][0]}-{ids[2][1]}", "to": oldest}
    assert await streams._gap(log.key, START, ended=False) == {"from": "0-0", "to": oldest}
    assert await streams._gap(log.key, ids[7], ended=False) is None


async def test_a_reader_that_stops_reading_holds_nobody_back_and_misses_nothing(redis: Redis):
    log, writer, tail = fresh(), Log(redis), Tail(redis, "here")
    count = 3 * PAGE + 10
    async with going(writer, tail), aclosing(tail.follow(log.key, START, QUIET)) as slow:
        writer.append(log, "citation", {"n": 0})
        seen = [_entry(frame) for _, frame in await anext(slow)]
        for n in range(1, count):
            writer.append(log, "citation", {"n": n})
        writer.append(log, "done", {})
        quick = await read(tail, log)
        while seen[-1][1] != "done":
            frames = await anext(slow)
            assert len(frames) <= PAGE
            seen += [_entry(frame) for _, frame in frames]
    assert seen == quick == await stored(redis, log)
    assert len(seen) == count + 1


async def test_one_connection_feeds_all_who_follow_many_logs(redis: Redis):
    logs, writer, tail = [fresh() for _ in range(20)], Log(redis), Tail(redis, "here")
    async with going(writer, tail):
        readers = [asyncio.create_task(read(tail, log)) for log in logs for _ in range(5)]
        for n in range(10):
            for log in logs:
                writer.append_text(log, f"{n} ")
            await writer.flush()
        for log in logs:
            writer.append(log, "done", {})
        seen = await asyncio.gather(*readers)
    assert {text(one) for one in seen} == {"0 1 2 3 4 5 6 7 8 9 "}
    assert len(tail) == 0


pieces = st.lists(st.tuples(st.text(max_size=6), st.booleans()), max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=pieces, cuts=st.lists(st.integers(1, 5), max_size=6))
def test_wherever_a_reader_leaves_and_comes_back_it_sees_every_entry_once_and_in_order(
    server_of: Callable[[], str], said: list[tuple[str, bool]], cuts: list[int]
):
    async def case() -> None:
        async with open_redis(f"unix://{server_of()}", Path()) as redis:
            log, writer, tail = fresh(), Log(redis), Tail(redis, "here")
            async with going(writer, tail):
                reader = asyncio.create_task(restless(tail, log, cuts))
                for piece, flush in said:
                    writer.append_text(log, piece)
                    if flush:
                        await writer.flush()
                writer.append(log, "done", {"text": log.answer()})
                seen = await reader
            assert seen == await stored(redis, log)
            assert text(seen) == seen[-1][2]["text"] == "".join(piece for piece, _ in said)

    asyncio.run(case())


async def restless(tail: Tail, log: RunLog, cuts: list[int]) -> Stored:
    """Read a log, leaving after each of the given numbers of entries and coming back with the last id."""
    seen: Stored = []
    for cut in [*cuts, 0]:
        if not seen or seen[-1][1] != "done":
            seen += await read(tail, log, seen[-1][0] if seen else START, cut)
    return seen


@pytest.fixture(params=["valkey", "redis"])
def server_of(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A function that names a server's socket, for tests that bring their own loop."""
    if request.param == "redis":
        server = require_redis()
        yield lambda: server.socket
        return
    import threading
    from concurrent.futures import Future

    started: Future[asyncio.AbstractEventLoop] = Future()
    stop = asyncio.Event()

    async def main() -> None:
        async with open_redis(None, tmp_path):
            started.set_result(asyncio.get_running_loop())
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    loop = started.result(20)
    yield lambda: f"{tmp_path}/valkey.sock"
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)
