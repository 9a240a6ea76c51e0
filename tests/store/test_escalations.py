"""The inbox, on both databases."""

import asyncio

import pytest

from contracts.agents import EscalationLimit
from contracts.errors import NotOpen, RateLimited, Unknown
from contracts.identity import Identity
from store import conversations, escalations, messages
from store.engine import Database
from tests.store.places import ANN, BOB, OWNER, STRANGER

TWO = EscalationLimit(limit=2, per=3600)


async def _open(database: Database, who: Identity, run_id: str | None, conversation_id: str = "") -> str:
    return await escalations.ticket(
        database, who, conversation_id=conversation_id, run_id=run_id, agent="default",
        question="May I?", reason="asked for a person", limit=TWO,
    )  # fmt: skip


async def _offer(database: Database, who: Identity, run_id: str, conversation_id: str = "") -> str:
    return await escalations.offer(
        database,
        who,
        conversation_id=conversation_id,
        run_id=run_id,
        agent="default",
        question="?",
        reason="unsure",
    )


async def test_an_answer_reaches_the_conversation_signed(database: Database) -> None:
    place = (await conversations.create(database, ANN))["id"]
    id = await _open(database, ANN, "run_1", place)
    answered = await escalations.answer(database, OWNER, id, "You may.", canonical=True)
    assert (answered["status"], answered["answered_by"], answered["canonical"]) == ("answered", "olga", True)
    (message,) = (await messages.listing(database, ANN, place))["items"]
    assert (message["id"], message["role"], message["content"], message["author"]) == (
        answered["message_id"], "assistant", "You may.", "olga",
    )  # fmt: skip
    with pytest.raises(NotOpen, match=f"olga answered escalation {id} on 20.* it takes one answer"):
        await escalations.answer(database, OWNER, id, "Twice.")


async def test_a_user_opens_no_more_than_the_limit_in_a_period(database: Database) -> None:
    calls = [_open(database, ANN, f"run_{n}") for n in range(4)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, RateLimited)]
    assert len(refused) == 2
    assert "2 of the 2 tickets that you may open in 1 hour" in refused[0].message
    assert refused[0].retry_after == pytest.approx(3600, abs=60)
    assert len((await escalations.listing(database, ANN))["items"]) == 2
    await _open(database, BOB, "run_9")


async def test_no_ticket_at_all_where_the_limit_is_none(database: Database) -> None:
    never = EscalationLimit(limit=0, per=60)
    with pytest.raises(RateLimited) as caught:
        await escalations.ticket(
            database, ANN, conversation_id="", run_id=None, agent="a", question="?", reason="", limit=never
        )
    assert caught.value.retry_after == 60


async def test_a_run_that_begins_again_opens_no_second_ticket(database: Database) -> None:
    assert await _open(database, ANN, "run_1") == await _open(database, ANN, "run_1")
    assert len((await escalations.listing(database, ANN))["items"]) == 1


async def test_an_offer_becomes_the_ticket_of_its_run(database: Database) -> None:
    id = await _offer(database, ANN, "run_1")
    assert await _open(database, ANN, "run_1") == id
    assert (await escalations.get(database, ANN, id))["status"] == "open"


async def test_an_offer_is_answered_before_the_asker_says_yes_and_counts_for_no_limit(
    database: Database,
) -> None:
    place = (await conversations.create(database, ANN))["id"]
    id = await _offer(database, ANN, "run_1", place)
    answered = await escalations.answer(database, OWNER, id, "You may.")
    assert (answered["status"], answered["answered_by"], answered["opened_at"]) == ("answered", "olga", None)
    (message,) = (await messages.listing(database, ANN, place))["items"]
    assert (message["content"], message["author"]) == ("You may.", "olga")
    assert await _open(database, ANN, "run_1") == id
    assert await escalations.get(database, ANN, id) == answered


async def test_of_two_answers_at_once_one_is_given(database: Database) -> None:
    place = (await conversations.create(database, ANN))["id"]
    id = await _offer(database, ANN, "run_1", place)
    calls = [escalations.answer(database, OWNER, id, text) for text in ("One.", "Two.", "Three.")]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert len([one for one in outcomes if isinstance(one, NotOpen)]) == 2
    assert len((await messages.listing(database, ANN, place))["items"]) == 1


async def test_an_owner_sees_the_inbox_and_a_member_their_own(database: Database) -> None:
    mine, theirs = await _open(database, ANN, "run_1"), await _open(database, BOB, "run_2")
    assert [one["id"] for one in (await escalations.listing(database, OWNER))["items"]] == [theirs, mine]
    assert [one["id"] for one in (await escalations.listing(database, ANN))["items"]] == [mine]
    assert (await escalations.listing(database, STRANGER))["items"] == []
    for who in (BOB, STRANGER):
        with pytest.raises(Unknown):
            await escalations.get(database, who, mine)
        with pytest.raises(Unknown):
            await escalations.answer(database, who, mine, "mine now")
    await escalations.answer(database, OWNER, mine, "yes")
    still = (await escalations.listing(database, OWNER, status="open"))["items"]
    assert [one["id"] for one in still] == [theirs]


async def test_deleting_the_conversation_withdraws_its_tickets(database: Database) -> None:
    place = (await conversations.create(database, ANN))["id"]
    id = await _open(database, ANN, "run_1", place)
    await conversations.remove(database, ANN, place)
    left = await escalations.get(database, OWNER, id)
    assert (left["status"], left["question"], left["reason"]) == ("withdrawn", "", "")
    with pytest.raises(NotOpen, match="withdrawn: its conversation was deleted"):
        await escalations.answer(database, OWNER, id, "too late")
