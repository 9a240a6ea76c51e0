"""Accepting and finishing runs, on both databases."""

import asyncio

import pytest

from contracts.errors import BadRequest, ConversationBusy, Unknown
from store import conversations, decisions, ends, feedback, messages, runs, usage
from store.engine import Database
from tests.store.places import ANN, BOB, STRANGER

DECISION = {"path": "auto_answer", "confidence": 0.9, "intent": "ask", "task": "answer", "reason": "evidence"}
USAGE = {
    "model": "small", "prompt_tokens": 10, "completion_tokens": 5, "cost": 0.5,
    "ttft_ms": 20.0, "total_ms": 100.0, "cache": "none",
}  # fmt: skip


async def _conversation(database: Database) -> str:
    return (await conversations.create(database, ANN))["id"]


async def test_accepting_commits_the_question_and_a_running_run(database: Database) -> None:
    place = await _conversation(database)
    asked = await runs.accept(database, ANN, place, "default", "Hello", [{"name": "a.pdf"}])
    assert asked.turns == []
    run = await runs.get(database, ANN, asked.run_id)
    assert (run["status"], run["message_id"], run["agent"], run["attempts"], run["answer_id"]) == (
        "running", asked.message_id, "default", 1, None,
    )  # fmt: skip
    (message,) = (await messages.listing(database, ANN, place))["items"]
    assert (message["id"], message["role"], message["content"]) == (asked.message_id, "user", "Hello")
    assert message["attachments"] == [{"name": "a.pdf"}]


async def test_a_busy_conversation_refuses_and_keeps_nothing(database: Database) -> None:
    place = await _conversation(database)
    asked = await runs.accept(database, ANN, place, "default", "one")
    with pytest.raises(ConversationBusy, match=asked.run_id):
        await runs.accept(database, ANN, place, "default", "two")
    assert [one["content"] for one in (await messages.listing(database, ANN, place))["items"]] == ["one"]
    assert (await conversations.get(database, ANN, place))["messages"] == 1


async def test_a_message_that_ends_what_waits_is_taken_where_one_that_would_wait_is_not(
    database: Database,
) -> None:
    place = await _conversation(database)
    ahead: list[str] = []
    for n in range(1 + runs.MOST_WAITING):
        ahead.append((await runs.accept(database, ANN, place, "default", str(n), policy="enqueue")).run_id)
    with pytest.raises(ConversationBusy, match="20 messages wait"):
        await runs.accept(database, ANN, place, "default", "late", policy="enqueue")
    instead = await runs.accept(database, ANN, place, "default", "instead", policy="interrupt")
    assert instead.ahead == tuple(ahead)


async def test_of_many_questions_at_once_one_is_accepted(database: Database) -> None:
    place = await _conversation(database)
    calls = [runs.accept(database, ANN, place, "default", str(n)) for n in range(8)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Accepted"] + ["ConversationBusy"] * 7
    assert len((await messages.listing(database, ANN, place))["items"]) == 1


@pytest.mark.parametrize("other", [BOB, STRANGER])
async def test_nobody_else_may_ask_finish_or_look(database: Database, other: object) -> None:
    place = await _conversation(database)
    with pytest.raises(Unknown):
        await runs.accept(database, other, place, "default", "hi")  # type: ignore[arg-type]
    asked = await runs.accept(database, ANN, place, "default", "hi")
    with pytest.raises(Unknown):
        await ends.finish(database, other, asked.run_id, "completed", "x", {})  # type: ignore[arg-type]
    with pytest.raises(Unknown):
        await runs.get(database, other, asked.run_id)  # type: ignore[arg-type]
    assert (await runs.get(database, ANN, asked.run_id))["status"] == "running"


async def test_finishing_writes_answer_decision_and_usage_at_once(database: Database) -> None:
    place = await _conversation(database)
    asked = await runs.accept(database, ANN, place, "default", "hi")
    citation = {"sentence": "Hello.", "passages": ["p1"], "supported": True, "score": 0.8}
    outcome = {"decision": DECISION, "usage": USAGE, "citations": [citation], "inputs": {"top": 0.7}}
    ended = await ends.finish(
        database, ANN, asked.run_id, "completed", "Hello.", {**outcome, "policy_version": "p1"}
    )
    assert (ended.first, ended.next_run) == (True, None)
    answer = (await messages.listing(database, ANN, place))["items"][1]
    assert (answer["id"], answer["role"], answer["content"], answer["status"], answer["run_id"]) == (
        ended.message_id, "assistant", "Hello.", "completed", asked.run_id,
    )  # fmt: skip
    assert (answer["decision"], answer["usage"], answer["citations"]) == (DECISION, USAGE, [citation])
    (entry,) = (await decisions.listing(database, ANN))["items"]
    assert (entry["run"], entry["inputs"], entry["policy_version"]) == (asked.run_id, {"top": 0.7}, "p1")
    assert [one["requests"] for one in await usage.stats(database, ANN)] == [1]
    run = await runs.get(database, ANN, asked.run_id)
    assert (run["status"], run["answer_id"]) == ("completed", ended.message_id)


async def test_a_second_finish_changes_nothing_and_tells_so(database: Database) -> None:
    place = await _conversation(database)
    asked = await runs.accept(database, ANN, place, "default", "hi")
    outcome = {"decision": DECISION, "usage": USAGE}
    calls = [ends.finish(database, ANN, asked.run_id, "completed", str(n), outcome) for n in range(4)]
    all_ends = await asyncio.gather(*calls)
    assert sorted(one.first for one in all_ends) == [False, False, False, True]
    assert len({one.message_id for one in all_ends}) == 1
    assert len((await messages.listing(database, ANN, place))["items"]) == 2
    assert [one["requests"] for one in await usage.stats(database, ANN)] == [1]


async def test_a_failed_run_shows_its_error_and_no_answer_text(database: Database) -> None:
    place = await _conversation(database)
    asked = await runs.accept(database, ANN, place, "default", "hi")
    error = {"code": "model_unavailable", "message": "No host answers.", "retryable": True}
    await ends.finish(database, ANN, asked.run_id, "failed", "", {"error": error})
    assert (await runs.get(database, ANN, asked.run_id))["error"] == error
    last = (await messages.listing(database, ANN, place))["items"][-1]
    assert (last["content"], last["status"], last["error"]) == ("", "failed", error)
    again = await runs.accept(database, ANN, place, "default", "hi again")
    assert again.turns == [{"role": "user", "content": "hi"}]


async def test_a_run_sees_the_last_messages_before_its_question(database: Database) -> None:
    place = await _conversation(database)
    for n in range(3):
        asked = await runs.accept(database, ANN, place, "default", f"q{n}")
        await ends.finish(database, ANN, asked.run_id, "completed", f"a{n}", {})
    last = await runs.accept(database, ANN, place, "default", "q3", last=3)
    assert [(one["role"], one["content"]) for one in last.turns] == [
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "a2"),
    ]
    shown = await messages.turns(database, ANN, place, 2)
    assert [one["content"] for one in shown] == ["a2", "q3"]


async def test_messages_come_oldest_first_page_by_page(database: Database) -> None:
    place = await _conversation(database)
    for n in range(3):
        asked = await runs.accept(database, ANN, place, "default", f"q{n}")
        await ends.finish(database, ANN, asked.run_id, "completed", f"a{n}", {})
    first = await messages.listing(database, ANN, place, limit=4)
    rest = await messages.listing(database, ANN, place, limit=4, cursor=first["next"])
    contents = [one["content"] for one in first["items"] + rest["items"]]
    assert (contents, rest["next"]) == (["q0", "a0", "q1", "a1", "q2", "a2"], None)


async def test_text_that_a_database_refuses_is_mended(database: Database) -> None:
    place = await _conversation(database)
    await runs.accept(database, ANN, place, "default", "a\x00b\ud800c 🙂")
    (message,) = (await messages.listing(database, ANN, place))["items"]
    assert message["content"] == "a\ufffdb\ufffdc 🙂"
    with pytest.raises(Unknown):
        await runs.get(database, ANN, "run_\x00\udfff")


async def test_feedback_is_one_a_person_and_can_be_changed(database: Database) -> None:
    place = await _conversation(database)
    asked = await runs.accept(database, ANN, place, "default", "hi")
    ended = await ends.finish(database, ANN, asked.run_id, "completed", "hello", {})
    await feedback.rate(database, ANN, ended.message_id, -1, "wrong")
    said = await feedback.rate(database, ANN, ended.message_id, 1, "after all")
    assert (said["rating"], said["comment"]) == (1, "after all")
    assert [one["rating"] for one in (await messages.listing(database, ANN, place))["items"]] == [None, 1]
    for who in (BOB, STRANGER):
        with pytest.raises(Unknown):
            await feedback.rate(database, who, ended.message_id, 1)
    with pytest.raises(BadRequest, match="your own question"):
        await feedback.rate(database, ANN, asked.message_id, 1)
