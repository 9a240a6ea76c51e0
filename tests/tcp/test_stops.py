"""Cancel, a busy conversation, and models that fail: each ends visibly, once, with what was written kept."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.servers.runtime import Event, named, text_of
from tests.tcp.model import Model
from tests.tcp.process import Process, asking


def ends(found: list[Event]) -> list[str]:
    return [event.name for event in found if event.name in ("done", "error")]


def test_cancel_stops_the_model_and_keeps_what_was_written(server: Process, model: Model):
    model.reset(tokens=1000, pace=100)
    conversation = server.conversation()
    with asking(server, "Count until I say stop.", conversation) as stream:
        stream.until("token", 5)
        began = time.monotonic()
        cancelled = server.http.post(f"/messaging/runs/{stream.run_id()}/cancel")
        took = model.until_ended() - began
        whole = stream.rest()
    stored = server.said(conversation)[1]
    assert cancelled.json()["status"] == "cancelled"
    assert took < 1
    assert ends(whole) == ["done"]
    assert whole[-1].data["status"] == stored["status"] == "cancelled"
    assert whole[-1].data["text"] == text_of(whole) == stored["content"]
    assert model.text().startswith(stored["content"])
    assert len(stored["content"]) >= len("The stub counts words so")
    assert server.replay(stream.run_id()) == whole
    print(f"cancel to the end of the model's request: {took * 1000:.0f} ms")


def test_cancel_stops_a_model_that_has_not_begun(server: Process, model: Model):
    conversation = server.conversation()
    with asking(server, "Say nothing. [[hang]]", conversation) as stream:
        stream.until("context")
        model.until_asked()
        began = time.monotonic()
        server.http.post(f"/messaging/runs/{stream.run_id()}/cancel").raise_for_status()
        took = model.until_ended() - began
        whole = stream.rest()
    assert took < 1
    assert (whole[-1].name, whole[-1].data["status"], whole[-1].data["text"]) == ("done", "cancelled", "")
    assert server.said(conversation)[1]["status"] == "cancelled"


def test_many_cancels_of_one_run_end_it_once(server: Process, model: Model):
    model.reset(tokens=1000, pace=100)
    conversation = server.conversation()
    with asking(server, "Count until all say stop.", conversation) as stream, ThreadPoolExecutor(8) as people:
        stream.until("token", 2)
        path = f"/messaging/runs/{stream.run_id()}/cancel"
        codes = [answer.status_code for answer in people.map(lambda _: server.http.post(path), range(8))]
        whole = stream.rest()
    assert set(codes) <= {200, 409}
    assert codes.count(200) >= 1
    assert ends(whole) == ["done"]
    assert [message["status"] for message in server.said(conversation)] == ["", "cancelled"]
    assert server.http.get(f"/messaging/runs/{stream.run_id()}").json()["status"] == "cancelled"


@pytest.mark.parametrize("moment", ["run", "decision", "context", "token", "usage"])
def test_a_cancel_at_any_moment_leaves_stream_and_store_in_agreement(
    server: Process, model: Model, moment: str
):
    model.reset(tokens=5)
    conversation = server.conversation()
    with asking(server, f"Count, if you can: {moment}", conversation) as stream:
        stream.until(moment)
        code = server.http.post(f"/messaging/runs/{stream.run_id()}/cancel").status_code
        whole = stream.rest()
    stored = server.said(conversation)
    assert code in (200, 409)
    assert ends(whole) == ["done"]
    assert len(stored) == 2
    assert whole[-1].data["status"] == stored[1]["status"]
    assert whole[-1].data["text"] == text_of(whole) == stored[1]["content"]
    assert whole[-1].data["message_id"] == stored[1]["id"]


def test_a_run_that_has_ended_cannot_be_cancelled(server: Process, model: Model):
    run_id = named(server.ask("Count to the end."), "run")[0]["run_id"]
    answer = server.http.post(f"/messaging/runs/{run_id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_open")
    assert "completed" in answer.json()["message"]


@pytest.mark.parametrize("fault", ["cut", "line", "end", "error"])
def test_a_model_that_breaks_off_ends_with_one_retryable_error(server: Process, model: Model, fault: str):
    conversation = server.conversation()
    found = server.ask(f"Count and break. [[{fault}]]", conversation)
    assert ends(found) == ["error"]
    assert found[-1].data["code"] == "model_unavailable"
    assert found[-1].data["retryable"] is True
    assert text_of(found)
    stored = server.said(conversation)[1]
    assert (stored["status"], stored["content"]) == ("failed", text_of(found))
    assert stored["error"] == found[-1].data
    assert len(model.asked) == 1


@pytest.mark.parametrize("fault", ["refuse", "missing"])
def test_a_model_that_does_not_begin_ends_with_one_error_and_no_text(
    server: Process, model: Model, fault: str
):
    found = server.ask(f"Count. [[{fault}]]")
    assert ends(found) == ["error"]
    assert (found[-1].data["code"], text_of(found)) == ("model_unavailable", "")


def test_a_model_that_no_host_has_is_named_with_the_way_out(server: Process, model: Model):
    server.http.put(
        "/agents/dreamer", json={"confidence_threshold": 0, "models": {"primary": "ghost:7b"}}
    ).raise_for_status()
    found = server.ask("Count for the ghost.", agent="dreamer")
    assert ends(found) == ["error"]
    assert found[-1].data["code"] == "model_unavailable"
    assert "'ghost:7b'" in found[-1].data["message"]
    assert "ollama pull ghost:7b" in found[-1].data["message"]
    assert model.asked == []


def test_after_a_failure_the_conversation_goes_on(server: Process, model: Model):
    conversation = server.conversation()
    server.ask("Count and break. [[cut]]", conversation)
    assert named(server.ask("Hello?", conversation, agent="default"), "run")


def test_a_second_message_while_one_is_answered_is_refused_and_leaves_nothing(server: Process, model: Model):
    model.reset(tokens=1000, pace=50)
    conversation = server.conversation()
    with asking(server, "Count.", conversation) as stream:
        stream.until("token")
        second = server.http.post(
            f"/messaging/conversations/{conversation}/stream", json={"content": "Faster!"}
        )
        during = server.said(conversation)
        server.http.post(f"/messaging/runs/{stream.run_id()}/cancel").raise_for_status()
        stream.rest()
    assert (second.status_code, second.json()["code"]) == (409, "conversation_busy")
    assert stream.run_id() in second.json()["message"]
    assert [message["content"] for message in during] == ["Count."]


def test_a_conversation_that_is_being_answered_cannot_be_deleted(server: Process, model: Model):
    model.reset(tokens=1000, pace=50)
    conversation = server.conversation()
    with asking(server, "Count.", conversation) as stream:
        stream.until("token")
        refused = server.http.delete(f"/messaging/conversations/{conversation}")
        server.http.post(f"/messaging/runs/{stream.run_id()}/cancel").raise_for_status()
        assert ends(stream.rest()) == ["done"]
    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_busy")
    assert server.http.delete(f"/messaging/conversations/{conversation}").status_code == 204
    assert server.http.get(f"/messaging/runs/{stream.run_id()}/stream").status_code == 404
