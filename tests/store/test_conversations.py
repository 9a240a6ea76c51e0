"""Conversations, on both databases."""

import pytest

from contracts.errors import BadCursor, BadRequest, ConversationBusy, Unknown
from store import conversations, decisions, ends, feedback, messages, runs
from store.engine import Database
from tests.store.places import ANN, BOB, STRANGER

DECISION = {"path": "auto_answer", "confidence": 0.9, "intent": "ask", "task": "answer", "reason": "evidence"}


async def test_a_new_conversation_is_empty_and_idle(database: Database) -> None:
    made = await conversations.create(database, ANN, "Holidays")
    assert (made["title"], made["messages"], made["active_run"]) == ("Holidays", 0, None)
    assert await conversations.get(database, ANN, made["id"]) == made


async def test_the_first_message_names_a_conversation_without_a_title(database: Database) -> None:
    made = await conversations.create(database, ANN)
    done = await runs.accept(database, ANN, made["id"], "default", "How many days off?\nAnd who decides?")
    await ends.finish(database, ANN, done.run_id, "completed", "30.", {})
    await runs.accept(database, ANN, made["id"], "default", "Something else")
    assert (await conversations.get(database, ANN, made["id"]))["title"] == "How many days off?"


async def test_a_long_first_line_is_cut_at_a_word() -> None:
    title = conversations.to_title("word " * 40)
    assert len(title) <= 80
    assert title.endswith("word…")
    assert conversations.to_title("x" * 200) == "x" * 79 + "…"
    assert conversations.to_title(" \n ") == ""


async def test_the_list_shows_the_latest_activity_first(database: Database) -> None:
    first, second = [await conversations.create(database, ANN, title) for title in ("one", "two")]
    started = await runs.accept(database, ANN, first["id"], "default", "hello")
    listed = (await conversations.listing(database, ANN))["items"]
    assert [one["id"] for one in listed] == [first["id"], second["id"]]
    assert [one["active_run"] for one in listed] == [started.run_id, None]


@pytest.mark.parametrize("other", [BOB, STRANGER])
async def test_nobody_else_sees_that_it_exists(database: Database, other: object) -> None:
    made = await conversations.create(database, ANN)
    for call in (conversations.get, conversations.remove, messages.listing):
        with pytest.raises(Unknown) as caught:
            await call(database, other, made["id"])  # type: ignore[operator]
        assert caught.value.body()["code"] == "unknown_conversation"
    assert (await conversations.listing(database, other))["items"] == []  # type: ignore[arg-type]


async def test_deleting_leaves_figures_but_no_text(database: Database) -> None:
    made = await conversations.create(database, ANN)
    asked = await runs.accept(database, ANN, made["id"], "default", "secret plan")
    ended = await ends.finish(
        database, ANN, asked.run_id, "completed", "secret", {"decision": DECISION, "inputs": {"q": "secret"}}
    )
    await feedback.rate(database, ANN, ended.message_id, 1)
    await conversations.remove(database, ANN, made["id"])
    with pytest.raises(Unknown):
        await runs.get(database, ANN, asked.run_id)
    with pytest.raises(Unknown):
        await feedback.rate(database, ANN, ended.message_id, 1)
    assert await messages.turns(database, ANN, made["id"]) == []
    (kept,) = (await decisions.listing(database, ANN))["items"]
    assert (kept["run"], kept["path"], kept["reason"], kept["inputs"]) == (
        asked.run_id,
        "auto_answer",
        "",
        {},
    )


async def test_a_conversation_with_an_active_run_is_not_deleted(database: Database) -> None:
    made = await conversations.create(database, ANN)
    asked = await runs.accept(database, ANN, made["id"], "default", "hello")
    with pytest.raises(ConversationBusy, match=asked.run_id):
        await conversations.remove(database, ANN, made["id"])
    assert (await conversations.get(database, ANN, made["id"]))["messages"] == 1


async def test_pages_hold_each_conversation_once_while_others_arrive(database: Database) -> None:
    made = [(await conversations.create(database, ANN, str(n)))["id"] for n in range(7)]
    seen: list[str] = []
    page = await conversations.listing(database, ANN, limit=3)
    while True:
        seen += [one["id"] for one in page["items"]]
        await conversations.create(database, ANN, "late")
        if page["next"] is None:
            break
        page = await conversations.listing(database, ANN, limit=3, cursor=page["next"])
    assert seen == made[::-1]


async def test_a_cursor_serves_only_its_own_list(database: Database) -> None:
    for n in range(3):
        await conversations.create(database, ANN, str(n))
    cursor = (await conversations.listing(database, ANN, limit=1))["next"]
    assert cursor is not None
    flipped = ("B" if cursor[5] == "A" else "A").join([cursor[:5], cursor[6:]])
    for wrong in ("", "x", "é", "bm90IGpzb24", "[]", cursor[:-4], flipped, cursor * 3):
        with pytest.raises(BadCursor):
            await conversations.listing(database, ANN, cursor=wrong)
    for call in (conversations.listing, decisions.listing):
        with pytest.raises(BadCursor):
            await call(database, BOB, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_page_holds_one_to_200(database: Database, limit: int) -> None:
    with pytest.raises(BadRequest, match="1 to 200"):
        await conversations.listing(database, ANN, limit=limit)
