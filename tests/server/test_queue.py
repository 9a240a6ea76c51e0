"""One place for answers and a slow model: who comes second waits in the line, visibly, and is answered later."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.servers.runtime import Runtime, named, running, text_of
from tests.tcp.model import Model, serving_model, settings_for
from tests.tcp.process import asking, attached


@pytest.fixture(scope="module")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def model(the_model: Model) -> Model:
    the_model.reset()
    return the_model


@pytest.fixture(scope="module")
def narrow(the_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with running(tmp_path_factory.mktemp("narrow"), None, max_running=1, **settings_for(the_model)) as found:
        found.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        yield found


def said(server: Runtime, conversation: str) -> list[dict[str, Any]]:
    return server.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]


def cancel(server: Runtime, run_id: str) -> Any:
    return server.http.post(f"/messaging/runs/{run_id}/cancel")


def test_who_comes_second_is_told_the_place_and_answered_later_in_the_conversation(
    narrow: Runtime, model: Model
):
    model.reset(tokens=1000, pace=50)
    conversation = narrow.conversation()
    with asking(narrow, "Count slowly, please.") as first:
        first.until("token")
        queued = narrow.ask("Count behind the other.", conversation)
        place = named(queued, "queue")[0]
        waiting = narrow.http.get(f"/messaging/runs/{place['run_id']}").json()["status"]
        with attached(narrow, place["run_id"]) as second:
            model.tokens, model.pace = 30, 0.0  # for the next: an answer keeps what it began with
            cancel(narrow, first.run_id()).raise_for_status()
            whole = second.rest()
    assert named(queued, "decision")[0]["path"] == "queue"
    assert (place["position"], waiting) == (1, "waiting")
    assert place["expected_wait_s"] > 0
    assert (queued[-1].name, queued[-1].data["status"]) == ("done", "queued")
    assert "number 1 in the line" in text_of(queued)
    assert named(whole, "decision")[0]["path"] == "auto_answer"
    assert text_of(whole) == model.text() == whole[-1].data["text"]
    stored = said(narrow, conversation)
    assert [message["status"] for message in stored] == ["", "queued", "completed"]
    assert stored[2]["content"] == model.text()
    assert stored[2]["run_id"] == place["run_id"]


def test_no_more_answers_run_at_once_than_there_are_places(narrow: Runtime, model: Model):
    model.reset(tokens=10, pace=100)
    with ThreadPoolExecutor(8) as people:
        asked = list(people.map(lambda n: narrow.ask(f"Count at once, number {n}."), range(8)))
    later = [place["run_id"] for found in asked for place in named(found, "queue")]
    for run_id in later:
        assert text_of(narrow.replay(run_id)) == model.text()
    assert later
    assert model.most == 1


def test_those_who_wait_are_answered_in_the_order_of_their_coming(narrow: Runtime, model: Model):
    model.reset(tokens=1000, pace=50)
    with asking(narrow, "Count slowly, once more.") as first:
        first.until("token")
        places = [named(narrow.ask(f"Count behind, {n}."), "queue")[0] for n in range(3)]
        model.tokens, model.pace = 5, 0.0
        cancel(narrow, first.run_id()).raise_for_status()
        first.rest()
    for place in places:
        narrow.replay(place["run_id"])
    assert [place["position"] for place in places] == [1, 2, 3]
    questions = [body["messages"][-1]["content"] for body in model.asked[1:]]
    assert questions == [f"Count behind, {n}." for n in range(3)]


def test_who_waits_can_leave_the_line(narrow: Runtime, model: Model):
    model.reset(tokens=1000, pace=50)
    conversation = narrow.conversation()
    with asking(narrow, "Count slowly for the last time.") as first:
        first.until("token")
        place = named(narrow.ask("Count behind the other.", conversation), "queue")[0]
        answer = cancel(narrow, place["run_id"])
        left = narrow.replay(place["run_id"])
        cancel(narrow, first.run_id()).raise_for_status()
        first.rest()
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (left[-1].name, left[-1].data["status"]) == ("done", "cancelled")
    assert [message["status"] for message in said(narrow, conversation)] == ["", "queued", "cancelled"]
    assert len(model.asked) == 1


def test_who_waits_outlives_a_restart(model: Model, folder: Path):
    model.reset(tokens=1000, pace=50)
    chosen = {"max_running": 1, **settings_for(model)}
    with running(folder, None, **chosen) as server:
        server.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        conversation = server.conversation()
        with asking(server, "Count until the end.") as first:
            first.until("token")
            place = named(server.ask("Count after it.", conversation), "queue")[0]
    model.reset(tokens=300)  # more than the first said before
    with running(folder, None, **chosen) as server:
        for run_id in (first.run_id(), place["run_id"]):
            assert text_of(server.replay(run_id)) == model.text()
        assert [message["status"] for message in said(server, conversation)] == ["", "queued", "completed"]
