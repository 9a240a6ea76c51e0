"""Writers and a change of model at one index: each sees the other, or waits."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ports.valkey import open_redis
from retrievers import turns
from retrievers.turns import Taken, Turns


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncGenerator[Redis]:
    async with open_redis(None, tmp_path) as client:
        yield client


async def test_a_writer_is_told_of_a_change_and_what_it_notes_is_given_once(redis: Redis) -> None:
    mine, other = Turns(redis, "passages"), Turns(redis, "passages")
    async with other.writing() as before:
        pass
    async with mine.building(alone=True):
        async with other.writing() as during:
            await other.note(["a", "b"])
        noted = [sorted(await mine.noted(10)), await mine.noted(10)]

    assert (before, during) == (False, True)
    assert noted == [["a", "b"], []]


async def test_the_index_is_closed_once_the_writers_have_left_and_the_next_ones_wait(redis: Redis) -> None:
    mine, order = Turns(redis, "passages"), list[str]()
    inside, leave = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with mine.writing():
            inside.set()
            await leave.wait()
            order.append("first writes")

    async def second() -> None:
        async with mine.writing():
            order.append("second writes")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(first())
        await inside.wait()
        asyncio.get_running_loop().call_later(0.2, leave.set)
        async with mine.closed():
            order.append("closed")
            waiting = tasks.create_task(second())
            await asyncio.wait([waiting], timeout=0.3)
            order.append("open")

    assert order == ["first writes", "closed", "open", "second writes"]


async def test_a_second_change_is_refused_and_one_whose_process_died_is_taken_over(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "HOLD_S", 4.0)
    mine, other = Turns(redis, "passages"), Turns(redis, "passages")
    async with mine.building(alone=False):
        with pytest.raises(Taken):
            async with other.building(alone=False):
                pass

    await redis.set("sb:reembed:passages:building", "of a dead process", px=1500)
    async with other.building(alone=False) as hold:
        assert await hold.mine() is True
