"""What is new for a user: all of their messages and runs, nobody else's, also what was stored late."""

import pytest

from contracts.errors import BadCursor
from contracts.identity import Identity
from store import conversations, messages, news, runs
from store.engine import Database, writes
from store.ids import id_for

ADA = Identity("acme", "ada")
OTHERS = (Identity("acme", "ben"), Identity("other", "ada"))

say = writes(messages.add)


async def said(database: Database, after: str, known: set[str] | None = None) -> list[str]:
    found = await news.look(database, ADA, after, known or set())
    return [one["id"] for one in found.messages]


async def test_messages_come_in_order_by_pages_and_nobody_else_s(database: Database):
    place = (await conversations.create(database, ADA))["id"]
    start = news.earlier(id_for("msg"))
    mine = [await say(database, ADA, place, n + 1, "user", str(n)) for n in range(news.PAGE + 5)]
    for other in OTHERS:
        theirs = (await conversations.create(database, other))["id"]
        await say(database, other, theirs, 1, "user", "mine")
    first = await said(database, start)
    assert first == mine[: news.PAGE]
    assert await said(database, first[-1]) == mine[news.PAGE :]
    assert await news.ids_after(database, ADA, start) == set(mine)


async def test_one_that_is_stored_late_is_found_and_what_is_known_is_left_out(database: Database):
    place = (await conversations.create(database, ADA))["id"]
    late = id_for("msg")
    early = await say(database, ADA, place, 1, "user", "seen first")
    floor = news.earlier(early)
    assert await said(database, floor) == [early]
    await say(database, ADA, place, 2, "user", "stored late", id=late)
    assert late < early
    assert await said(database, floor, {early}) == [late]


async def test_runs_are_found_while_they_have_not_ended(database: Database):
    place = (await conversations.create(database, ADA))["id"]
    one = await runs.accept(database, ADA, place, "default", "Count.", owner="w_1")
    two = await runs.accept(database, ADA, place, "default", "And then?", owner="w_1", policy="enqueue")
    found = await news.look(database, ADA, news.settled(), set())
    assert found.runs == [
        {"run_id": one.run_id, "conversation_id": place, "status": "running"},
        {"run_id": two.run_id, "conversation_id": place, "status": "waiting"},
    ]
    assert [message["conversation_id"] for message in found.messages] == [place, place]
    assert (await news.look(database, OTHERS[0], news.settled(), set())).runs == []


def test_earlier_is_five_seconds_before_to_the_millisecond():
    at = "msg_01m7yrn6nd" + "z" * 16
    before = news.earlier(at)

    def milliseconds(id: str) -> int:
        digits = "0123456789abcdefghjkmnpqrstvwxyz"
        return sum(digits.index(one) << 5 * (9 - n) for n, one in enumerate(id[4:14]))

    assert (len(before), milliseconds(at) - milliseconds(before)) == (len(at), 5000)
    assert news.earlier("msg_" + "0" * 26) == "msg_" + "0" * 26


@pytest.mark.parametrize(
    "id", ["", "msg_1", "run_01m7yrn6ndzzzzzzzzzzzzzzzz", "msg_" + "u" * 26, "msg_" + "é" * 26]
)
def test_what_is_no_message_s_id_is_no_place_to_begin(id: str):
    with pytest.raises(BadCursor, match="not the id of a message"):
        news.earlier(id)
