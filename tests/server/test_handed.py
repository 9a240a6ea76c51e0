"""What a process writes is handed to its own clients, and everybody else, and who comes late, reads it."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from ports.valkey import open_redis
from server.entries import EPOCH, OPENING, RunLog
from server.log import Id, Log
from server.tail import PAGE, Tail, to_id
from server.takeover import fence
from tests.servers.logs import fresh, going, stored

LAST = "done"


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncGenerator[Redis]:
    async with open_redis(None, tmp_path) as client:
        yield client


def pair(redis: Redis) -> tuple[Log, Tail]:
    """Return a writer and the reader that it hands its entries to, as server/open.py makes them."""
    writer, tail = Log(redis), Tail(redis, "here")
    writer.taken = tail.hand
    return writer, tail


async def told(tail: Tail, log: RunLog, after: Id = (0, 0)) -> list[Id]:
    """Return the ids that a client gets, up to the end."""
    found: list[Id] = []
    async for frames in tail.follow(log.key, after, 5.0):
        found += [to_id(frame.split(b"\n")[0][4:]) for _, frame in frames]
        if frames and frames[-1][0] == LAST.encode():
            break
    return found


async def reads(redis: Redis) -> int:
    """Return how often the server was asked for new entries."""
    found: Any = await redis.info("commandstats")
    return found.get("cmdstat_xread", {"calls": 0})["calls"]


async def test_a_client_of_the_process_that_writes_causes_no_reads(redis: Redis):
    writer, tail = pair(redis)
    log = fresh()
    async with going(writer, tail):
        writer.append(log, "run", {}, expire=60)
        await writer.flush()
        clients = [
            asyncio.create_task(told(tail, log)) for _ in range(2)
        ]  # the second one has to read the opening
        while len(tail) < 2 or any(seat.cursor < log.written for seat in tail._seats[log.key]):
            await redis.ping()
        before = await reads(redis)
        for n in range(100):
            writer.append_text(log, f"{n} ")
            await writer.flush()
        writer.append(log, LAST, {})
        found = await asyncio.gather(*clients)
        assert (
            await reads(redis) - before <= 2
        )  # the one that is under way, and the next one for the bells alone
    assert found == [[id for id, _, _ in await stored(redis, log)]] * 2


@pytest.mark.parametrize("late", [1, OPENING, OPENING + 1, PAGE + 1])
async def test_a_client_that_comes_late_gets_what_was_written_before(redis: Redis, late: int):
    writer, tail = pair(redis)
    log = fresh()
    async with going(writer, tail):
        for n in range(late):
            writer.append(log, "citation", {"n": n}, expire=60)
        await writer.flush()
        clients = [asyncio.create_task(told(tail, log)) for _ in range(3)]
        await asyncio.sleep(0)
        writer.append(log, LAST, {})
        found = await asyncio.gather(*clients)
    assert found == [[id for id, _, _ in await stored(redis, log)]] * 3


async def test_a_client_follows_to_the_next_owner_when_this_one_loses_the_run(redis: Redis):
    (writer, tail), other = pair(redis), Log(redis)
    log = fresh()
    async with going(writer, tail, other):
        writer.append(log, "run", {}, expire=60)
        await writer.flush()
        client = asyncio.create_task(told(tail, log))
        writer.append_text(log, "one ")
        await writer.flush()
        theirs = RunLog(log.key, epoch=1)
        await other.resume(theirs)
        await fence(redis, theirs)
        other.append_text(theirs, "two ")
        await other.flush()
        log.fail("belongs to another process by now")
        other.append(theirs, LAST, {})
        ids = await client
    assert ids == [id for id, name, _ in await stored(redis, log) if name != "mark"]
    assert ids[-1][0] > EPOCH


async def test_what_a_fenced_log_refuses_is_handed_to_nobody(redis: Redis):
    (writer, tail), other = pair(redis), Log(redis)
    log = fresh()
    async with going(writer, tail, other):
        writer.append(log, "run", {}, expire=60)
        await writer.flush()
        client = asyncio.create_task(told(tail, log))
        theirs = RunLog(log.key, epoch=1)
        await other.resume(theirs)
        await fence(redis, theirs)
        writer.append_text(log, "late ")  # this owner does not know yet
        await writer.flush(log)
        other.append(theirs, LAST, {})
        ids = await client
    assert log.broken is not None
    assert ids == [id for id, name, _ in await stored(redis, log) if name != "mark"]


async def test_the_next_owners_own_client_reads_what_was_there_before_it(redis: Redis):
    (writer, tail), first = pair(redis), Log(redis)
    log = fresh()
    async with going(first):
        for n in range(3):
            first.append(log, "citation", {"n": n}, expire=60)
        await first.flush()
    ours = RunLog(log.key, epoch=1)
    async with going(writer):
        await writer.resume(ours)
        await fence(redis, ours)
        client = asyncio.create_task(told(tail, log))  # nothing is read yet
        await asyncio.sleep(0)
        writer.append(ours, "citation", {"n": 3})
        await writer.flush()
        async with going(tail):
            writer.append(ours, LAST, {})
            ids = await client
    assert ids == [id for id, name, _ in await stored(redis, log) if name != "mark"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["text", "event", "flush", "join", "again", "let"]), max_size=40))
async def test_whenever_clients_come_each_gets_every_entry_once_in_order(redis: Redis, steps: list[str]):
    writer, tail = pair(redis)
    log = fresh()
    clients: list[tuple[Id, asyncio.Task[list[Id]]]] = []
    async with going(writer, tail):
        writer.append(log, "run", {}, expire=60)
        for step in steps:
            match step:
                case "text":
                    writer.append_text(log, "word ")
                case "event":
                    writer.append(log, "citation", {})
                case "flush":
                    await writer.flush()
                case "let":
                    await asyncio.sleep(0)
                case _:
                    after = log.written if step == "again" else (0, 0)
                    clients.append((after, asyncio.create_task(told(tail, log, after))))
        writer.append(log, LAST, {})
        found = await asyncio.gather(*(task for _, task in clients))
        await writer.flush()
    whole = [id for id, _, _ in await stored(redis, log)]
    assert found == [[id for id in whole if id > after] for after, _ in clients]
