"""Decisions, usage and search, on both databases."""

from typing import Any

import pytest

from contracts.errors import BadRequest
from contracts.identity import Identity
from store import conversations, decisions, ends, history, runs, usage
from store.engine import Database
from tests.store.places import ANN, BOB, OWNER, STRANGER


async def _run(database: Database, who: Identity, question: str, **outcome: Any) -> str:
    place = (await conversations.create(database, who))["id"]
    asked = await runs.accept(database, who, place, outcome.pop("agent", "default"), question)
    text = outcome.pop("text", "")
    await ends.finish(database, who, asked.run_id, "completed", text, outcome)  # type: ignore[arg-type]
    return asked.run_id


def _decision(path: str) -> dict[str, Any]:
    return {"path": path, "confidence": 0.5, "intent": "ask", "task": "answer", "reason": "r"}


def _usage(model: str, ms: float, cache: str = "none") -> dict[str, Any]:
    return {
        "model": model, "prompt_tokens": 2, "completion_tokens": 1, "cost": 0.25,
        "ttft_ms": ms / 2, "total_ms": ms, "cache": cache,
    }  # fmt: skip


async def test_the_ledger_answers_by_path_agent_user_and_time(database: Database) -> None:
    first = await _run(database, ANN, "q", decision=_decision("auto_answer"))
    second = await _run(database, BOB, "q", decision=_decision("refuse"), agent="legal")

    async def found(who: Identity, **filters: Any) -> list[str]:
        return [one["run"] for one in (await decisions.listing(database, who, **filters))["items"]]

    assert await found(OWNER) == [second, first]
    assert await found(OWNER, path="refuse") == [second]
    assert await found(OWNER, agent="default") == [first]
    assert await found(OWNER, user="bob") == [second]
    assert await found(OWNER, since="2020-01-01") == [second, first]
    assert await found(OWNER, since="2999-01-01T00:00:00+02:00") == []
    assert await found(ANN) == [first]
    assert await found(ANN, user="bob") == []
    assert await found(STRANGER) == []
    with pytest.raises(BadRequest, match="yesterday"):
        await found(OWNER, since="yesterday")


async def test_usage_sums_by_model_with_nearest_rank_percentiles(database: Database) -> None:
    for ms in range(1, 21):
        await _run(database, ANN, "q", usage=_usage("large", float(ms), "exact" if ms > 15 else "none"))
    await _run(database, BOB, "q", usage=_usage("small", 7.0))
    large, small = await usage.stats(database, OWNER, "model")
    assert (large["model"], large["day"], large["requests"], large["cache_hits"]) == ("large", "", 20, 5)
    assert (large["prompt_tokens"], large["completion_tokens"], large["cost"]) == (40, 20, 5.0)
    assert (large["total_ms_p50"], large["total_ms_p95"]) == (10.0, 19.0)
    assert (large["ttft_ms_p50"], large["ttft_ms_p95"]) == (5.0, 9.5)
    assert (small["requests"], small["total_ms_p50"], small["total_ms_p95"]) == (1, 7.0, 7.0)
    by_day = await usage.stats(database, OWNER, "day")
    assert [(len(one["day"]), one["model"]) for one in by_day] == [(10, "large"), (10, "small")]
    assert await usage.stats(database, OWNER, since="2999-01-01") == []
    assert await usage.stats(database, STRANGER) == []


async def test_search_finds_all_words_in_any_case_in_own_messages(database: Database) -> None:
    run_id = await _run(database, ANN, "Wie viele URLAUBSTAGE über Ärzte?", text="100% of it, under_score")
    await _run(database, BOB, "urlaubstage")
    asked = await runs.get(database, ANN, run_id)

    async def found(q: str, who: Identity = ANN) -> list[str]:
        return [one["message_id"] for one in (await history.search(database, who, q))["items"]]

    assert await found("ärzte urlaubs") == [asked["message_id"]]
    assert await found("0%") == [asked["answer_id"]]
    assert await found("r_s") == [asked["answer_id"]]
    for nothing in ("Urlaub missing", "1_0", "o%s", "", "  ", "\\", "\x00"):
        assert await found(nothing) == []
    assert await found("urlaubstage", STRANGER) == []


async def test_search_pages_newest_first_with_a_snippet(database: Database) -> None:
    for n in range(3):
        await _run(database, ANN, f"{n} " + "before " * 30 + "needle" + " after" * 30)
    first = await history.search(database, ANN, "NEEDLE", limit=2)
    rest = await history.search(database, ANN, "NEEDLE", limit=2, cursor=first["next"])
    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]
    snippet = first["items"][0]["snippet"]
    assert snippet.startswith("…")
    assert snippet.endswith("…")
    assert "before needle after" in snippet
    assert len(snippet) < 180
