"""The pool of model hosts, over stubs and real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from bench.stub import Stub, serving
from contracts.errors import ModelUnavailable, TooLong
from models.pool import Pool
from ports.ollama import OllamaHost, open_hosts

HELLO = [HumanMessage("Hi")]


class Clock:
    """A clock that moves when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """Two stubs and a pool over them."""

    stubs: list[Stub]
    hosts: list[OllamaHost]
    pool: Pool
    clock: Clock

    async def ask(self, text: str, model: str = "stub") -> str:
        return "".join([chunk.text async for chunk in self.pool.stream(model, [HumanMessage(text)])])

    def served(self) -> list[int]:
        return [stub.served for stub in self.stubs]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    stubs, clock = [Stub(tokens=4), Stub(tokens=4)], Clock()
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serving(stub)) for stub in stubs]
        hosts = await stack.enter_async_context(open_hosts(urls, patience=0.3))
        yield World(stubs, hosts, Pool(hosts, cool_down=15, tags_for=30, clock=clock), clock)


async def test_idle_hosts_take_turns(world: World) -> None:
    for _ in range(4):
        assert await world.ask("Hi") == "The stub counts words"
    assert world.served() == [2, 2]


async def test_the_host_with_the_least_to_do_is_chosen(world: World) -> None:
    first, second = (world.pool.stream("stub", [HumanMessage("[[slow]]")]) for _ in range(2))
    await anext(first)
    await anext(second)
    assert list(world.pool.running().values()) == [1, 1]
    await first.aclose()
    for _ in range(3):
        await world.ask("Hi")
    assert world.served() == [4, 1]
    await second.aclose()
    assert list(world.pool.running().values()) == [0, 0]


async def test_a_host_that_fails_before_its_first_token_is_replaced(world: World) -> None:
    world.stubs[0].broken = "refuse"
    assert [await world.ask("Hi") for _ in range(3)] == ["The stub counts words"] * 3
    assert world.served() == [1, 3]  # asked once, then left alone


async def test_a_host_that_failed_is_asked_again_after_its_rest(world: World) -> None:
    world.stubs[0].broken = "refuse"
    await world.ask("Hi")
    world.stubs[0].broken = ""
    await world.ask("Hi")
    assert world.served() == [1, 2]
    world.clock.now = 15.0
    await world.ask("Hi")
    assert world.served() == [2, 2]


async def test_after_the_first_token_there_is_no_second_host(world: World) -> None:
    seen: list[str] = []

    async def listen() -> None:
        async for chunk in world.pool.stream("stub", [HumanMessage("[[cut]]")]):
            seen.append(chunk.text)

    with pytest.raises(ModelUnavailable, match="broke off"):
        await listen()
    assert "".join(seen) == "The stub"
    assert sum(world.served()) == 1


async def test_a_prompt_that_is_too_long_is_not_sent_round(world: World) -> None:
    with pytest.raises(TooLong):
        await world.ask("[[context]]")
    assert sum(world.served()) == 1


async def test_where_all_hosts_fail_the_last_failure_is_told(world: World) -> None:
    with pytest.raises(ModelUnavailable, match="told to fail"):
        await world.ask("[[refuse]]")
    assert world.served() == [1, 1]
    assert await world.ask("Hi") == "The stub counts words"  # resting hosts are better than none


async def test_a_model_that_no_host_has_is_named_with_the_hosts(world: World) -> None:
    with pytest.raises(ModelUnavailable, match=r"'llama3:8b'.*ollama pull llama3:8b") as caught:
        await world.ask("Hi", model="llama3:8b")
    assert [host.name in caught.value.message for host in world.hosts] == [True, True]


async def test_only_hosts_that_have_the_model_are_asked(world: World) -> None:
    world.stubs[0].models = ("other:latest",)
    for _ in range(2):
        await world.ask("Hi")
    assert world.served() == [0, 2]


async def test_hosts_that_are_gone_are_said_to_be_gone() -> None:
    async with open_hosts(["http://127.0.0.1:9"]) as hosts:
        with pytest.raises(ModelUnavailable, match="No model host answers"):
            await anext(Pool(hosts).stream("stub", HELLO))


async def test_a_pool_without_hosts_says_so() -> None:
    with pytest.raises(ModelUnavailable, match="none configured"):
        await anext(Pool([]).stream("stub", HELLO))


async def test_cancelling_leaves_no_request_behind(world: World) -> None:
    begun = asyncio.Event()

    async def talk() -> None:
        async for _ in world.pool.stream("stub", [HumanMessage("[[slow]]")]):
            begun.set()

    task = asyncio.create_task(talk())
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    assert list(world.pool.running().values()) == [0, 0]


async def test_the_smallest_context_of_the_hosts_counts() -> None:
    async with open_hosts(["http://one"], {"stub": 512}) as one, open_hosts(["http://two"]) as two:
        assert (Pool([*one, *two]).limit("stub"), Pool([*two, *one]).limit("stub")) == (512, 512)
        assert Pool([*one, *two]).limit("other") == 8192


async def test_a_model_goes_on_only_if_it_does_so_on_every_host_that_may_be_asked(world: World) -> None:
    assert await world.pool.continues("stub") is True
    world.stubs[1].continues = False
    assert await Pool(world.hosts).continues("stub:slow") is False
    assert await world.pool.continues("nowhere") is False
    assert await world.pool.repeats("stub") is False


class Late:
    """A host that sometimes does not say in time which models it has, and answers all the same."""

    def __init__(self, host: OllamaHost) -> None:
        self._host, self.late = host, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    async def tags(self) -> frozenset[str]:
        if self.late:
            raise ModelUnavailable("no reply within 5 s")
        return await self._host.tags()


async def test_a_host_that_did_not_say_in_time_what_it_has_is_still_asked(world: World) -> None:
    """One late reply, after a pause of this process for example, fails no run of the next seconds."""
    host: Any = Late(world.hosts[0])
    pool = Pool([host], cool_down=15, tags_for=30, clock=world.clock)

    async def ask() -> str:
        return "".join([chunk.text async for chunk in pool.stream("stub", HELLO)])

    assert await ask() == "The stub counts words"
    world.clock.now += 100  # what was known is old
    host.late = True
    assert [await ask() for _ in range(3)] == ["The stub counts words"] * 3
