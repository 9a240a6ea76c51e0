"""The WebSocket: the same log and events as SSE, the user's news, and what it refuses."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from server.shield import BODY_LIMIT
from server.sockets import MOST_OF_ONE
from tests.servers.line import line
from tests.servers.runtime import Runtime, named, running, text_of
from tests.tcp.model import Model, serving_model, settings_for


@pytest.fixture(scope="module")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def model(the_model: Model) -> Model:
    the_model.reset()
    return the_model


@pytest.fixture(scope="module")
def server(the_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with running(tmp_path_factory.mktemp("socket") / "data", None, **settings_for(the_model)) as found:
        found.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        yield found


def ended(server: Runtime) -> None:
    """Wait until no socket is open."""

    async def all_ended() -> None:
        if open := [task for task in asyncio.all_tasks() if "run_asgi" in _name(task)]:
            await asyncio.wait(open, timeout=10)

    server.inside(all_ended)


def test_a_run_has_the_same_events_as_over_sse(server: Runtime, model: Model):
    with line(server) as mine:
        run_id = mine.ask(server.conversation(), "Count for the socket.")
        events = mine.follow(run_id)
    assert events == server.replay(run_id)
    assert text_of(events) == events[-1].data["text"] == model.text()


def test_what_was_accepted_is_told_before_its_run_begins(server: Runtime, model: Model):
    conversation = server.conversation()
    with line(server) as mine:
        ref = mine.say("message", conversation_id=conversation, content="Count.")
        accepted = mine.until("accepted", ref=ref)
        events = mine.follow(accepted["run_id"])
    assert (accepted["command"], accepted["conversation_id"]) == ("message", conversation)
    assert accepted["message_id"] == events[0].data["message_id"]
    assert mine.seen.index(accepted) < next(n for n, one in enumerate(mine.seen) if one["type"] == "run")


def test_a_run_goes_on_without_its_socket_and_a_cursor_misses_nothing(server: Runtime, model: Model):
    model.reset(tokens=60, pace=100)
    with line(server) as first:
        run_id = first.ask(server.conversation(), "Count while I am away.")
        for _ in range(3):
            first.until("token", run_id=run_id)
        seen = first.events(run_id)
    with line(server) as second:
        second.say("attach", run_id=run_id, after=seen[-1].id)
        rest = second.follow(run_id)
    assert seen + rest == server.replay(run_id)
    assert text_of(seen + rest) == model.text()


def test_attaching_at_the_end_says_that_nothing_follows(server: Runtime, model: Model):
    with line(server) as mine:
        run_id = mine.ask(server.conversation(), "Count to the end.")
        last = mine.follow(run_id)[-1].id
        ref = mine.say("attach", run_id=run_id, after=last)
        assert mine.until("accepted", ref=ref)["ended"] is True


def test_two_sockets_follow_one_run_and_one_socket_follows_two(server: Runtime, model: Model):
    model.reset(tokens=40, pace=200)
    with line(server) as mine, line(server) as other:
        runs = [mine.ask(server.conversation(), f"Count {n} at once.") for n in range(2)]
        for run_id in runs:
            other.say("attach", run_id=run_id)
        for run_id in runs:
            whole = mine.follow(run_id)
            assert text_of(whole) == model.text()
            assert other.follow(run_id) == whole


def test_after_a_detach_nothing_of_the_run_comes_and_it_goes_on(server: Runtime, model: Model):
    model.reset(tokens=40, pace=100)
    with line(server) as mine:
        run_id = mine.ask(server.conversation(), "Count unheard.")
        mine.until("token", run_id=run_id)
        mine.until("accepted", ref=mine.say("detach", run_id=run_id))
        count = len(mine.events(run_id))
        assert mine.all("done") == []
        mine.have("status", run_id=run_id, status="completed")
        assert len(mine.events(run_id)) == count
    assert server.replay(run_id)[-1].data["text"] == model.text()


def test_cancel_ends_the_run_and_keeps_its_text(server: Runtime, model: Model):
    model.reset(tokens=1000, pace=100)
    with line(server) as mine:
        run_id = mine.ask(server.conversation(), "Count until I say stop.")
        mine.until("token", run_id=run_id)
        ref = mine.say("cancel", run_id=run_id)
        events = mine.follow(run_id)
        if not (accepted := [one for one in mine.all("accepted") if one.get("ref") == ref]):
            accepted = [mine.until("accepted", ref=ref)]
        again = mine.until("error", ref=mine.say("cancel", run_id=run_id))
    assert accepted[0]["status"] == events[-1].data["status"] == "cancelled"
    assert events[-1].data["text"] == text_of(events)
    assert (again["code"], again["retryable"]) == ("not_open", False)


def test_a_person_may_look_at_an_answer_over_the_socket(server: Runtime, model: Model):
    server.http.put(
        "/agents/careful", json={"confidence_threshold": 0, "approve_below": 1}
    ).raise_for_status()
    with line(server) as mine:
        events = mine.follow(mine.ask(server.conversation(), "Count with care.", agent="careful"))
        asked = named(events, "interrupt")[0]
        mine.have("status", run_id=asked["run_id"], status="paused")
        wrong = mine.until("error", ref=mine.say("resume", run_id=asked["run_id"], action="dance"))
        ref = mine.say("resume", run_id=asked["run_id"], action="edit", text="Seven.")
        following = mine.until("accepted", ref=ref)["next_run"]
        mine.say("attach", run_id=following)
        whole = mine.follow(following)
    assert "action must be" in wrong["message"]
    assert (events[-1].data["status"], text_of(whole)) == ("interrupted", "Seven.")


def test_a_run_is_told_of_when_it_begins_and_ends_and_its_messages_when_they_are_stored(
    server: Runtime, model: Model
):
    conversation = server.conversation()
    with line(server) as mine:
        events = server.ask("Count elsewhere.", conversation)
        answer = mine.until("message", id=events[-1].data["message_id"])
    run_id = events[0].data["run_id"]
    question = next(one for one in mine.all("message") if one["data"]["role"] == "user")
    assert (question["data"]["content"], question["data"]["conversation_id"]) == (
        "Count elsewhere.",
        conversation,
    )
    assert (answer["run_id"], answer["data"]["content"]) == (run_id, model.text())
    assert mine.all("status")[-1] == {
        "type": "status",
        "run_id": run_id,
        "conversation_id": conversation,
        "status": "completed",
    }


def test_who_connects_is_told_of_the_runs_under_way(server: Runtime, model: Model):
    model.reset(tokens=1000, pace=50)
    conversation = server.conversation()
    with line(server) as first:
        run_id = first.ask(conversation, "Count for the late.")
        waiting = first.ask(conversation, "And then?", multitask_strategy="enqueue")
    with line(server) as second:
        states = {run_id: "running", waiting: "waiting"}
        for one in states:
            assert second.until("status", run_id=one)["status"] == states[one]
        second.say("attach", run_id=run_id)
        second.until("token", run_id=run_id)
        second.say("cancel", run_id=waiting)
        second.until("status", run_id=waiting, status="cancelled")
        second.say("cancel", run_id=run_id)
        second.until("status", run_id=run_id, status="cancelled")


def test_messages_of_the_time_away_come_in_order_and_none_is_missing(server: Runtime, model: Model):
    conversation = server.conversation()
    first = server.ask("Count before I go.", conversation)[-1].data["message_id"]
    for n in range(30):
        server.ask(f"Count {n} while I am away.", conversation)
    stored = server.http.get(f"/messaging/conversations/{conversation}/messages?limit=200").json()["items"]
    away = [one["id"] for one in stored if one["id"] > first]
    with line(server, after=first) as mine:
        mine.until("message", id=away[-1])
        got = [one["id"] for one in mine.all("message")]
    assert [id for id in got if id in away] == away
    assert len(set(got)) == len(got)
    assert got == sorted(got)


def test_without_a_cursor_no_earlier_message_comes(server: Runtime, model: Model):
    server.ask("Count for the past.")
    with line(server) as mine:
        mine.follow(mine.ask(server.conversation(), "Count for the present."))
        mine.have("message", run_id=mine.all("done")[0]["run_id"])
        said = {one["data"]["content"] for one in mine.all("message")}
    assert said <= {"Count for the present.", model.text()}
    assert "Count for the past." not in said


def test_an_answer_of_a_person_comes_by_itself(server: Runtime, model: Model):
    conversation = server.conversation()
    run_id = server.ask("Count for a person.", conversation)[0].data["run_id"]
    ticket = server.http.post("/escalations", json={"run_id": run_id}).json()["id"]
    with line(server) as mine:
        server.http.post(f"/escalations/{ticket}/answer", json={"content": "Ten."}).raise_for_status()
        told = mine.until("message", run_id=None)
    assert (told["data"]["content"], told["data"]["author"]) == ("Ten.", "local")
    assert told["data"]["conversation_id"] == conversation


@pytest.mark.parametrize(
    ("said", "code", "part"),
    [
        ("{", "bad_request", "not JSON"),
        ("[]", "bad_request", "an object"),
        (b"{}", "bad_request", "binary"),
        ("[" * 100_000, "bad_request", "not JSON"),
        ({}, "bad_request", "type must be one of message, attach"),
        ({"type": "dance"}, "bad_request", '"dance"'),
        ({"type": 7}, "bad_request", "7"),
        ({"type": "attach"}, "bad_request", "run_id is missing"),
        ({"type": "attach", "run_id": 7}, "bad_request", "run_id must be text; got 7"),
        ({"type": "attach", "run_id": "run_none"}, "unknown_run", "run_none"),
        ({"type": "attach", "run_id": "x", "more": 1}, "bad_request", "more is no field"),
        ({"type": "cancel", "run_id": "run_none"}, "unknown_run", "run_none"),
        ({"type": "message", "conversation_id": "x", "content": " "}, "bad_request", "content is empty"),
        ({"type": "message", "conversation_id": "conv_none", "content": "?"}, "unknown_conversation", "conv_none"),
        ({"type": "message", "conversation_id": "x", "content": "a" * 16_001}, "too_long", "16,001"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_answered_in_a_sentence_and_the_socket_stays_open(
    server: Runtime, said: Any, code: str, part: str
):
    with line(server) as mine:
        mine.ws.send(json.dumps({"ref": "mine", **said}) if isinstance(said, dict) else said)
        error = mine.until("error")
        mine.ws.send(json.dumps({"type": "detach", "run_id": "run_none"}))
        assert mine.until("accepted")["command"] == "detach"
    assert (error["code"], error["retryable"]) == (code, False)
    assert part in error["message"]
    assert error.get("ref") == ("mine" if isinstance(said, dict) else None)


def test_a_message_over_the_limit_is_refused_and_the_socket_stays_open(server: Runtime):
    with line(server) as mine:
        mine.ws.send("x" * (BODY_LIMIT + 1))
        assert mine.until("error")["code"] == "too_long"
        mine.say("detach", run_id="x")
        assert mine.until("accepted")["ref"] == "r0"


def test_a_busy_conversation_refuses_as_over_http(server: Runtime, model: Model):
    model.reset(tokens=1000, pace=50)
    conversation = server.conversation()
    with line(server) as mine:
        run_id = mine.ask(conversation, "Count.")
        error = mine.until("error", ref=mine.say("message", conversation_id=conversation, content="Faster!"))
        mine.say("cancel", run_id=run_id)
        mine.follow(run_id)
    assert (error["code"], error["retryable"]) == ("conversation_busy", True)


def test_one_socket_too_many_is_told_why_and_closed(server: Runtime):
    lines = [line(server) for _ in range(MOST_OF_ONE)]
    opened = [one.__enter__() for one in lines]
    for one in opened:
        one.say("detach", run_id="x")
        one.until("accepted")
    with line(server) as refused:
        error = refused.until("error")
        with pytest.raises(ConnectionClosed) as closed:
            refused.read()
    for one in lines:
        one.__exit__(None, None, None)
    ended(server)
    with line(server) as again:
        again.say("detach", run_id="x")
        assert again.until("accepted")["command"] == "detach"
    assert error["code"] == "rate_limited"
    assert str(MOST_OF_ONE) in error["message"]
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4429, error["message"])


def test_a_quiet_socket_is_pinged(server: Runtime):
    with line(server) as mine:
        assert mine.until("ping") == {"type": "ping"}


def test_after_many_sockets_no_task_is_left(server: Runtime, model: Model):
    ended(server)
    before = _tasks(server)
    for n in range(20):
        with line(server) as mine:
            run_id = mine.ask(server.conversation(), f"Count {n} and leave.")
            if n % 2:
                mine.follow(run_id)
        server.replay(run_id)
    ended(server)
    assert _tasks(server) == before


def _tasks(server: Runtime) -> list[str]:
    async def found() -> list[str]:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        ending = (
            "Runs._own",
            "_shutdown_watcher",
            "ExampleIntents.classify",
        )  # the last reads its examples once
        return sorted(name for name in map(_name, others) if not any(one in name for one in ending))

    return server.inside(found)


def _name(task: "asyncio.Task[Any]") -> str:
    return str(getattr(task.get_coro(), "__qualname__", ""))
