"""Effects happen once, over a real database."""

import asyncio

import pytest

from contracts.errors import ModelUnavailable
from graph.journal import RunJournal
from store.engine import Database
from tests.graph.parts import ANN, opened


class Receiver:
    """Does what it is asked, and notes by which key."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def __call__(self, key: str) -> dict[str, int]:
        self.keys.append(key)
        await asyncio.sleep(0)  # lets another caller in
        return {"order": len(self.keys)}


async def test_an_effect_happens_once_and_later_callers_get_its_result(
    database: Database, thread: str
) -> None:
    receiver = Receiver()
    for _ in range(3):
        journal = RunJournal(database, ANN, thread)
        assert await journal.once("act0", 2, "tool", receiver) == {"order": 1}
    assert receiver.keys == [f"{thread}:act0:2"]


async def test_of_two_callers_at_the_same_time_one_acts(database: Database, thread: str) -> None:
    receiver = Receiver()
    both = (RunJournal(database, ANN, thread).once("act0", 0, "tool", receiver) for _ in range(2))
    assert await asyncio.gather(*both) == [{"order": 1}] * 2
    assert len(receiver.keys) == 1


async def test_an_effect_that_fails_is_tried_again_with_the_same_key(database: Database, thread: str) -> None:
    receiver, journal = Receiver(), RunJournal(database, ANN, thread)

    async def fail(key: str) -> None:
        await receiver(key)
        raise ModelUnavailable("away")

    with pytest.raises(ModelUnavailable):
        await journal.once("act0", 0, "tool", fail)
    assert await journal.once("act0", 0, "tool", receiver) == {"order": 2}
    assert receiver.keys == [f"{thread}:act0:0"] * 2


async def test_a_run_that_is_taken_over_opens_no_second_ticket(database: Database, thread: str) -> None:
    async with opened() as world:
        world.intents.intent = "person"
        for attempt in (
            "1",
            "2",
        ):  # the first attempt died before it was recorded: no checkpoint has the ticket
            world.more = {"journal": RunJournal(database, ANN, thread)}
            screen = await world.go(thread=attempt)
            assert "ticket esc_1" in screen.text
        assert len(world.desk.tickets) == 1
