"""A run's stream can be read again from any point, by anyone who may see it, and by no one else."""

import pytest

from tests.servers.runtime import Runtime, named, text_of

QUESTION = "How many days of annual leave do full-time staff have?"


def test_a_reconnect_misses_nothing_and_doubles_nothing_from_any_event_on(runtime: Runtime):
    whole = runtime.ask(QUESTION)
    run_id = named(whole, "run")[0]["run_id"]
    for n, event in enumerate(whole[:-1]):
        assert runtime.replay(run_id, event.id) == whole[n + 1 :]


def test_without_a_cursor_the_whole_stream_comes_again(runtime: Runtime):
    whole = runtime.ask(QUESTION)
    assert runtime.replay(named(whole, "run")[0]["run_id"]) == whole


def test_ids_rise_and_each_is_seen_once(runtime: Runtime):
    ids = [tuple(map(int, event.id.split("-"))) for event in runtime.ask(QUESTION)]
    assert ids == sorted(set(ids))


def test_a_trimmed_log_says_so_and_then_gives_the_whole_text(runtime: Runtime):
    whole = runtime.ask(QUESTION)
    run_id = named(whole, "run")[0]["run_id"]
    tokens = [event.id for event in whole if event.name == "token"]
    _redis(runtime, "XTRIM", f"sb:local:run:{run_id}:log", "MINID", tokens[-1])
    again = runtime.replay(run_id, whole[0].id)
    assert again[0].name == "gap"
    assert again[0].id == ""
    assert again[0].data["from"] == whole[0].id
    assert text_of(again) == text_of(whole)
    assert named(again, "done") == named(whole, "done")


def test_an_expired_log_is_made_good_from_the_stored_answer(runtime: Runtime):
    whole = runtime.ask(QUESTION)
    run_id = named(whole, "run")[0]["run_id"]
    _redis(runtime, "DEL", f"sb:local:run:{run_id}:log")
    again = runtime.replay(run_id, whole[2].id)
    assert [event.name for event in again][:4] == ["gap", "run", "restart", "token"]
    assert text_of(again) == named(whole, "done")[0]["text"]
    for name in ("decision", "sources", "citation", "done"):
        assert named(again, name) == named(whole, name)
    assert [event.name for event in again if event.id] == ["restart", "done"]
    [anchor, end] = [event.id for event in again if event.id]
    assert text_of(runtime.replay(run_id, anchor)) == text_of(again)
    assert runtime.http.get(f"/messaging/runs/{run_id}/stream", params={"after": end}).status_code == 204


@pytest.mark.parametrize("cursor", ["nonsense", "1-", "-1-0", "1e3-0", "99999999999999999999-0"])
def test_what_is_no_cursor_is_refused_with_the_value(runtime: Runtime, cursor: str):
    run_id = named(runtime.ask(QUESTION), "run")[0]["run_id"]
    answer = runtime.http.get(f"/messaging/runs/{run_id}/stream", headers={"Last-Event-ID": cursor})
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"
    assert cursor[:20] in answer.json()["message"]


def test_a_cursor_of_another_run_is_refused(runtime: Runtime):
    first, second = runtime.ask(QUESTION), runtime.ask(QUESTION)
    run_id = named(second, "run")[0]["run_id"]
    answer = runtime.http.get(f"/messaging/runs/{run_id}/stream", params={"after": first[1].id})
    assert answer.status_code == 400


def test_an_unknown_run_is_not_found(runtime: Runtime):
    answer = runtime.http.get("/messaging/runs/run_0/stream")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_run")


def test_the_stream_has_the_headers_that_keep_proxies_from_holding_it_back(runtime: Runtime):
    run_id = named(runtime.ask(QUESTION), "run")[0]["run_id"]
    headers = runtime.http.get(f"/messaging/runs/{run_id}/stream").headers
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert headers["location"] == f"/api/v1/messaging/runs/{run_id}/stream"
    assert "content-encoding" not in headers


def _redis(runtime: Runtime, *command: str) -> None:
    from redis import Redis

    with Redis(unix_socket_path=str(runtime.settings.data_dir.resolve() / "valkey.sock")) as client:
        client.execute_command(*command)
