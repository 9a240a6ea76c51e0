"""A person in the loop: a run stops for one, waits across restarts, and goes on with what was said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.runtime import Event, Runtime, named, running, text_of
from tests.tcp.model import Model, serving_model, settings_for


@pytest.fixture(scope="module")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def model(the_model: Model) -> Model:
    the_model.reset(tokens=12)
    return the_model


@pytest.fixture(scope="module")
def server(the_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with running(tmp_path_factory.mktemp("paused"), None, **settings_for(the_model)) as found:
        careful(found)
        yield found


def careful(server: Runtime, **more: Any) -> None:
    """Let a person look at every answer first."""
    config = {"confidence_threshold": 0, "approve_below": 1, **more}
    server.http.put("/agents/default", json=config).raise_for_status()


def resume(server: Runtime, run_id: str, **said: Any) -> Any:
    return server.http.post(f"/messaging/runs/{run_id}/resume", json=said)


def asked(seen: list[Event]) -> dict[str, Any]:
    """Return what a run stopped for; it has ended, and the answer is not in it."""
    (found,) = named(seen, "interrupt")
    assert (seen[-1].name, seen[-1].data["status"]) == ("done", "interrupted")
    assert text_of(seen) == seen[-1].data["text"]
    return found


def test_an_answer_waits_for_a_person_and_is_sent_as_approved(server: Runtime, model: Model):
    conversation = server.conversation()
    first = server.ask("Count, when you may.", conversation)
    stop = asked(first)
    assert named(first, "decision")[0]["path"] == "queue"
    assert (stop["kind"], stop["payload"]) == ("approve_answer", {"question": "Count, when you may."})
    assert model.text() not in text_of(first)
    (shown,) = [
        one for one in server.http.get("/interrupts?status=open").json()["items"] if one["id"] == stop["id"]
    ]
    assert (shown["payload"]["text"], shown["next_run"]) == (model.text(), stop["run_id"])
    answer = resume(server, stop["run_id"], action="approve")
    assert (answer.status_code, answer.json()["status"]) == (200, "answered")
    whole = server.replay(stop["run_id"])
    assert text_of(whole) == model.text() == whole[-1].data["text"]
    assert named(whole, "decision")[0]["reason"].startswith("approved by")
    said = server.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]
    assert [one["status"] for one in said] == ["", "interrupted", "completed"]
    assert said[-1]["content"] == model.text()
    assert len(model.asked) == 1


def test_an_answer_can_be_edited_and_is_then_the_person_s(server: Runtime, model: Model):
    stop = asked(server.ask("Count, and be corrected."))
    assert resume(server, stop["run_id"], action="edit", text="It is seven.").status_code == 200
    assert text_of(server.replay(stop["run_id"])) == "It is seven."


def test_an_answer_that_is_rejected_is_not_sent(server: Runtime, model: Model):
    stop = asked(server.ask("Count, but in vain."))
    assert resume(server, stop["run_id"], action="reject").status_code == 200
    whole = server.replay(stop["run_id"])
    assert model.text() not in text_of(whole)
    assert (whole[-1].name, whole[-1].data["status"]) == ("done", "refused")
    again = resume(server, stop["run_id"], action="approve")
    assert (again.status_code, again.json()["code"]) == (409, "not_open")


def test_what_a_run_waits_for_outlives_a_restart(model: Model, folder: Path):
    with running(folder, None, **settings_for(model)) as first:
        careful(first)
        stop = asked(first.ask("Count, when you are back."))
    with running(folder, None, **settings_for(model)) as second:
        assert resume(second, stop["run_id"], action="approve").status_code == 200
        assert text_of(second.replay(stop["run_id"])) == model.text()


def test_a_run_that_waits_for_a_person_can_be_cancelled(server: Runtime, model: Model):
    conversation = server.conversation()
    stop = asked(server.ask("Count, or rather not.", conversation))
    answer = server.http.post(f"/messaging/runs/{stop['run_id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert resume(server, stop["run_id"], action="approve").status_code == 409
    assert server.http.get("/interrupts?status=withdrawn").json()["items"][0]["id"] == stop["id"]


def test_a_conversation_goes_on_while_a_run_in_it_waits_for_a_person(server: Runtime, model: Model):
    conversation = server.conversation()
    first = asked(server.ask("Count, one.", conversation))
    second = asked(server.ask("Count, two.", conversation))
    for stop in (second, first):
        assert resume(server, stop["run_id"], action="approve").status_code == 200
        assert text_of(server.replay(stop["run_id"])) == model.text()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"action": "perhaps"}, 400),
        ({"action": "edit"}, 400),
        ({"action": "approve", "text": "no"}, 400),
        ({"action": "edit", "text": " "}, 400),
        ({"action": "edit", "arguments": {}}, 400),
        ({"action": "edit", "arguments": {"item": "cup"}}, 400),
        ({"action": "edit", "text": "Seven.", "arguments": {"item": "cup"}}, 400),
    ],
)
def test_a_faulty_answer_leaves_the_run_waiting(
    server: Runtime, model: Model, body: dict[str, Any], status: int
):
    stop = asked(server.ask(f"Count for {len(body)}."))
    assert resume(server, stop["run_id"], **body).status_code == status
    assert resume(server, stop["run_id"], action="reject").status_code == 200


TOOL: dict[str, Any] = {
    "name": "stock",
    "description": "How many are left.",
    "url": "http://127.0.0.1:9/stock",
    "parameters": {
        "type": "object",
        "properties": {"item": {"type": "string"}, "shelf": {"type": "integer"}},
        "required": ["item"],
    },
}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, '"arguments", no "text"'),
        ({"text": "huh"}, '"arguments", no "text"'),
        ({"text": "huh", "arguments": {"item": "cup"}}, '"arguments", no "text"'),
        ({"arguments": {}}, "The argument 'item' is missing."),
        ({"arguments": {"item": 7}}, "The argument 'item' must be of type string."),
        ({"arguments": {"item": "cup", "shelf": "top"}}, "The argument 'shelf' must be of type integer."),
    ],
)
def test_a_faulty_edit_of_a_tool_call_says_why_and_leaves_the_run_waiting(
    server: Runtime, model: Model, body: dict[str, Any], why: str
):
    config = {"confidence_threshold": 0, "tools": [TOOL]}
    server.http.put("/agents/shop", json=config).raise_for_status()
    stop = asked(server.ask('How many cups? [[tool:stock {"item": "cup"}]]', agent="shop"))
    assert stop["kind"] == "tool_call"
    answer = resume(server, stop["run_id"], action="edit", **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert why in answer.json()["message"]
    assert resume(server, stop["run_id"], action="reject").status_code == 200


def test_an_edit_of_an_answered_question_is_told_that_it_is_answered(server: Runtime, model: Model):
    stop = asked(server.ask("Count, and be late."))
    assert resume(server, stop["run_id"], action="reject").status_code == 200
    assert resume(server, stop["run_id"], action="edit").status_code == 409


def test_nobody_waits_for_what_does_not_exist(server: Runtime):
    answer = resume(server, "run_nowhere", action="approve")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_interrupt")
