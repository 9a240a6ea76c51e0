"""Runs that wait, and runs that a dead process left, on both databases."""

import asyncio

import pytest

from contracts.errors import ConversationBusy, Unknown
from contracts.identity import Identity
from store import conversations, ends, line, messages, runs
from store.engine import Database
from tests.store.places import ANN, BOB, STRANGER


async def _ask(database: Database, who: Identity, content: str) -> runs.Accepted:
    place = (await conversations.create(database, who))["id"]
    return await runs.accept(database, who, place, "default", content, [{"name": "a.txt"}])


async def _queue(database: Database, who: Identity, content: str) -> tuple[runs.Accepted, str]:
    asked = await _ask(database, who, content)
    next_run, _ = await line.line_up(database, who, asked.run_id)
    outcome: ends.Outcome = {"next_run": next_run}
    ended = await ends.finish(database, who, asked.run_id, "queued", "You wait in line.", outcome)
    assert ended.next_run == next_run
    return asked, next_run


async def test_a_queued_question_is_answered_later_in_its_place(database: Database) -> None:
    asked, waiting = await _queue(database, ANN, "How long?")
    assert (await runs.get(database, ANN, asked.run_id))["status"] == "queued"
    assert (await runs.get(database, ANN, waiting))["status"] == "waiting"
    taken = await line.next_waiting(database)
    assert taken is not None
    assert (taken.run_id, taken.who, taken.question, taken.message_id) == (
        waiting, ANN, "How long?", asked.message_id,
    )  # fmt: skip
    assert (taken.attempts, taken.queued, taken.turns, taken.attachments) == (
        1,
        True,
        [],
        [{"name": "a.txt"}],
    )
    await ends.finish(database, ANN, waiting, "completed", "Ten minutes.", {})
    listed = (await messages.listing(database, ANN, asked.conversation_id))["items"]
    assert [one["content"] for one in listed] == ["How long?", "You wait in line.", "Ten minutes."]
    assert await line.next_waiting(database) is None


async def test_a_waiting_run_keeps_its_conversation_busy(database: Database) -> None:
    asked, waiting = await _queue(database, ANN, "one")
    with pytest.raises(ConversationBusy, match=waiting):
        await runs.accept(database, ANN, asked.conversation_id, "default", "two")
    await ends.finish(database, ANN, waiting, "cancelled", "", {})
    await runs.accept(database, ANN, asked.conversation_id, "default", "two")


async def test_a_run_may_end_as_queued_without_a_reserved_id(database: Database) -> None:
    asked = await _ask(database, ANN, "one")
    ended = await ends.finish(database, ANN, asked.run_id, "queued", "", {})
    assert ended.next_run is not None
    assert (await runs.get(database, ANN, ended.next_run))["follows"] == asked.run_id
    again = await ends.finish(database, ANN, asked.run_id, "queued", "", {})
    assert (again.first, again.next_run) == (False, ended.next_run)


async def test_the_line_serves_all_tenants_in_the_order_they_came(database: Database) -> None:
    waiting = [(await _queue(database, who, "?"))[1] for who in (ANN, STRANGER, BOB)]
    people = (ANN, STRANGER, BOB)
    places = [await line.position(database, who, run) for who, run in zip(people, waiting, strict=True)]
    assert places == [1, 2, 3]
    assert (await line.line_up(database, BOB, (await _ask(database, BOB, "!")).run_id))[1] == 4
    taken = await line.next_waiting(database)
    assert taken is not None
    assert taken.run_id == waiting[0]
    assert await line.position(database, ANN, waiting[0]) == 0
    assert await line.position(database, BOB, waiting[2]) == 2
    with pytest.raises(Unknown):
        await line.position(database, ANN, waiting[2])


async def test_no_two_workers_take_the_same_run(database: Database) -> None:
    waiting = {(await _queue(database, ANN, str(n)))[1] for n in range(3)}
    taken = await asyncio.gather(*(line.next_waiting(database) for _ in range(6)))
    assert sorted(one.run_id for one in taken if one) == sorted(waiting)


async def test_what_was_cut_off_comes_back_with_one_more_attempt(database: Database) -> None:
    ended = await _ask(database, ANN, "done")
    await ends.finish(database, ANN, ended.run_id, "completed", "yes", {})
    left = await runs.accept(database, ANN, ended.conversation_id, "legal", "cut off")
    await _queue(database, BOB, "still waiting")
    (found,) = await line.take_over(database, "me", {""})
    assert (found.run_id, found.who, found.agent, found.attempts, found.queued) == (
        left.run_id, ANN, "legal", 2, False,
    )  # fmt: skip
    assert [one["content"] for one in found.turns] == ["done", "yes"]
    assert [one.attempts for one in await line.take_over(database, "you", {"me"})] == [3]
