"""Two messages at once in one conversation: refused, answered one after the other, or the one instead of the other."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.runs import MOST_WAITING
from tests.servers.runtime import Runtime, running, text_of
from tests.tcp.model import Model, serving_model, settings_for
from tests.tcp.process import asking, attached


@pytest.fixture(scope="module")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def model(the_model: Model) -> Model:
    the_model.reset(tokens=1000, pace=50)
    return the_model


@pytest.fixture(scope="module")
def server(the_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with running(tmp_path_factory.mktemp("double"), None, **settings_for(the_model)) as found:
        found.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        found.http.put(
            "/agents/patient", json={"confidence_threshold": 0, "multitask_strategy": "enqueue"}
        ).raise_for_status()
        yield found


def send(server: Runtime, conversation: str, content: str, **body: str) -> int:
    path = f"/messaging/conversations/{conversation}/stream"
    return server.http.post(path, json={"content": content, **body}).status_code


def cancel(server: Runtime, run_id: str) -> None:
    server.http.post(f"/messaging/runs/{run_id}/cancel").raise_for_status()


def statuses(server: Runtime, conversation: str) -> list[tuple[str, str]]:
    found = server.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]
    return [(one["role"], one["status"]) for one in found]


def test_a_second_message_is_refused_where_nothing_else_is_said(server: Runtime, model: Model):
    conversation = server.conversation()
    with asking(server, "Count, first.", conversation) as first:
        first.until("token")
        assert send(server, conversation, "Count, second.") == 409
        cancel(server, first.run_id())
        first.rest()
    assert statuses(server, conversation) == [("user", ""), ("assistant", "cancelled")]


@pytest.mark.parametrize("body", [{"multitask_strategy": "enqueue"}, {"agent": "patient"}])
def test_a_message_that_is_enqueued_is_answered_after_the_first_with_its_answer_in_view(
    server: Runtime, model: Model, body: dict[str, str]
):
    conversation = server.conversation()
    with asking(server, "Count, one.", conversation) as first:
        first.until("token", 5)
        with asking(server, "Count, two.", conversation, **body) as second:
            place = second.until("queue").data
            model.tokens, model.pace = 10, 0.0
            cancel(server, first.run_id())
            whole = second.rest()
    assert place["position"] == 1
    assert text_of(whole) == model.text() == whole[-1].data["text"]
    assert next(event.name for event in whole if event.id) == "run"
    asked = [message["content"] for message in model.asked[-1]["messages"][1:]]
    assert asked[0] == "Count, one."
    assert asked[1].startswith("The stub counts")
    assert asked[2].endswith("Count, two.")
    ends = [("assistant", "cancelled"), ("assistant", "completed")]
    assert sorted(statuses(server, conversation)) == sorted([("user", ""), ("user", ""), *ends])


def test_a_message_that_interrupts_is_answered_instead_and_what_was_said_is_kept(
    server: Runtime, model: Model
):
    conversation = server.conversation()
    with asking(server, "Count, the old.", conversation) as first:
        first.until("token", 5)
        model.tokens, model.pace = 10, 0.0
        with asking(server, "Count, the new.", conversation, multitask_strategy="interrupt") as second:
            whole = second.rest()
        cut = first.rest()
    assert (cut[-1].name, cut[-1].data["status"]) == ("done", "cancelled")
    assert text_of(cut) == cut[-1].data["text"] != ""
    assert text_of(whole) == model.text()
    kept = server.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]
    assert text_of(cut) in [one["content"] for one in kept if one["status"] == "cancelled"]


def test_an_interruption_takes_the_place_of_those_that_wait_as_well(server: Runtime, model: Model):
    conversation = server.conversation()
    with asking(server, "Count, runs.", conversation) as first:
        first.until("token")
        with asking(server, "Count, waits.", conversation, multitask_strategy="enqueue") as second:
            second.until("queue")
            model.tokens, model.pace = 10, 0.0
            with asking(server, "Count, now.", conversation, multitask_strategy="interrupt") as third:
                assert text_of(third.rest()) == model.text()
            ends = [stream.rest()[-1].data["status"] for stream in (first, second)]
    assert ends == ["cancelled", "cancelled"]
    assert len(model.asked) == 2


def test_at_most_one_run_of_a_conversation_runs_however_many_come_at_once(server: Runtime, model: Model):
    model.reset(tokens=5, pace=100)
    conversation = server.conversation()

    def ask(n: int) -> str:
        with asking(server, f"Count, number {n}.", conversation, multitask_strategy="enqueue") as stream:
            return text_of(stream.rest())

    with ThreadPoolExecutor(8) as people:
        assert list(people.map(ask, range(8))) == [model.text()] * 8
    assert model.most == 1
    assert statuses(server, conversation).count(("assistant", "completed")) == 8


def test_a_conversation_has_room_for_so_many_that_wait(server: Runtime, model: Model):
    conversation = server.conversation()
    with asking(server, "Count, before all.", conversation) as first:
        first.until("token")
        waiting = []
        for n in range(MOST_WAITING):
            with asking(server, f"Count, {n}.", conversation, multitask_strategy="enqueue") as stream:
                stream.until("queue")
            waiting.append(n)
        assert send(server, conversation, "Count, too many.", multitask_strategy="enqueue") == 409
        model.tokens, model.pace = 2, 0.0
        cancel(server, first.run_id())
        first.rest()
    active = server.http.get(f"/messaging/conversations/{conversation}").json()["active_run"]
    while active:
        with attached(server, active) as stream:
            stream.rest()
        active = server.http.get(f"/messaging/conversations/{conversation}").json()["active_run"]
    assert statuses(server, conversation).count(("assistant", "completed")) == MOST_WAITING
    assert len(waiting) == MOST_WAITING


def test_a_policy_that_does_not_exist_is_named(server: Runtime):
    assert send(server, server.conversation(), "Count.", multitask_strategy="rollback") == 400
