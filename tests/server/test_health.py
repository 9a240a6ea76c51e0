"""What the health page, the metrics and the figures say, also while a model host is gone."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from bench.stub import Stub, serving
from tests.servers.runtime import Runtime, named, running

QUESTION = "How many days of annual leave do full-time staff have?"


def test_the_process_says_that_it_is_alive(runtime: Runtime):
    answer = httpx.get(f"{runtime.url}/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_each_dependency_has_a_state_a_sentence_and_a_time(runtime: Runtime):
    answer = runtime.http.get("/health")
    found = answer.json()
    assert (answer.status_code, found["status"]) == (200, "healthy")
    assert set(found["dependencies"]) == {"log", "database", "index", "embedder", "models"}
    for one in found["dependencies"].values():
        assert set(one) == {"state", "detail", "ms"}
        assert one["state"] == "healthy"
        assert one["detail"] != ""
        assert 0 <= one["ms"] < 5000


def figures(runtime: Runtime) -> dict[str, float]:
    text = httpx.get(f"{runtime.url}/metrics").text
    return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)}


def test_the_metrics_count_each_finished_run_once(runtime: Runtime):
    answer = httpx.get(f"{runtime.url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    before = figures(runtime)
    runtime.ask("Hello, how are you?")
    after = figures(runtime)
    name = next(
        key for key in after if 'status="completed"' in key and "auto" in key and "created" not in key
    )
    assert after[name] - before.get(name, 0) == 1


def test_cache_figures_count_answers_and_hits(runtime: Runtime):
    before = runtime.http.get("/cache/stats").json()
    assert set(before) == {"answers", "hits", "rate", "ttl_s"}
    caches = [named(runtime.ask(QUESTION), "usage")[0]["cache"] for _ in range(2)]
    after = runtime.http.get("/cache/stats").json()
    assert after["answers"] - before["answers"] == 2
    assert after["hits"] - before["hits"] == len([cache for cache in caches if cache != "none"])
    assert caches[1] == "exact"
    assert after["rate"] == after["hits"] / after["answers"]
    assert after["ttl_s"] == 86_400


@pytest.mark.parametrize("by", ["day", "model"])
def test_usage_is_summed_by_model_and_by_day(runtime: Runtime, by: str):
    runtime.ask(QUESTION)
    rows = runtime.http.get("/llm/stats", params={"by": by}).json()["items"]
    assert sum(row["requests"] for row in rows) == runtime.http.get("/cache/stats").json()["answers"]
    for row in rows:
        assert (row["day"] == "") == (by == "model")
        assert 0 <= row["ttft_ms_p50"] <= row["ttft_ms_p95"]
        assert row["total_ms_p50"] <= row["total_ms_p95"]
        assert row["cost"] == 0
    assert runtime.http.get("/llm/stats", params={"since": "2100-01-01"}).json() == {"items": []}


def test_optimising_says_how_long_it_took_and_search_goes_on(runtime: Runtime):
    assert set(runtime.http.post("/cache/optimize").json()) == {"seconds"}
    found = runtime.http.post("/search", json={"query": QUESTION}).json()["passages"]
    assert "26 days" in found[0]["text"]


async def test_model_hosts_that_go_away_degrade_then_break_the_health_page_and_heal_it_when_back(
    tmp_path: Path,
):
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        urls = [await stack.enter_async_context(serving(Stub())) for stack in (first, second)]
        names = {f"model_{task}": "stub:latest" for task in ("primary", "fast", "analysis", "code")}
        with running(tmp_path / "data", None, ollama_urls=tuple(urls), **names) as server:
            assert await state(server) == (200, "healthy", "healthy")
            await first.aclose()
            assert await state(server) == (200, "degraded", "degraded")
            await second.aclose()
            assert await state(server) == (503, "error", "error")
            port = int(urls[0].rsplit(":", 1)[1])
            async with serving(Stub(), port):
                assert await state(server) == (200, "degraded", "degraded")


async def state(server: Runtime) -> tuple[int, str, str]:
    answer = await asyncio.to_thread(server.http.get, "/health")
    return answer.status_code, answer.json()["status"], answer.json()["dependencies"]["models"]["state"]
