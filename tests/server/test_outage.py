"""The run log's server dies under a running Switchboard: it comes back by itself, and nothing ends in silence."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from tests.servers.runtime import Runtime, named, running, text_of
from tests.tcp.model import Model, serving_model, settings_for
from tests.tcp.process import asking, rising

QUESTION = "How many days of annual leave do full-time staff have?"


def valkey_of(folder: Path) -> psutil.Process:
    """Return the embedded server of the data folder."""
    here = str(folder.resolve() / "valkey.sock")
    return next(
        one for one in psutil.process_iter(["cmdline"]) if here in " ".join(one.info["cmdline"] or [])
    )


def test_a_killed_valkey_is_started_again_and_the_next_answer_streams(folder: Path):
    with running(folder) as server:
        before = server.ask(QUESTION)
        killed = valkey_of(folder)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(10)
        conversation = server.conversation()
        path = f"/messaging/conversations/{conversation}/stream"
        answer = server.http.post(path, json={"content": QUESTION})
        while answer.status_code == 503:  # said at once, and nothing was accepted
            assert answer.json()["code"] == "store_unavailable"
            answer = server.http.post(path, json={"content": QUESTION})
        assert "event: done" in answer.text
        assert named(server.ask(QUESTION), "done")[0]["text"] == text_of(before)
        replayed = server.replay(named(before, "run")[0]["run_id"], before[0].id)
        assert replayed[-1].name == "done"


@pytest.mark.parametrize("attachment", ["doc_0", "nope"])
def test_an_unknown_attachment_is_refused(runtime: Runtime, attachment: str):
    path = f"/messaging/conversations/{runtime.conversation()}/stream"
    answer = runtime.http.post(path, json={"content": QUESTION, "attachments": [attachment]})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_document")


def test_an_answer_draws_on_the_attached_document_alone(runtime: Runtime):
    items = runtime.http.get("/documents?limit=200").json()["items"]
    only = next(one for one in items if one["source"].endswith("remote-work.txt"))
    found = runtime.ask("How many days may I work from another country?", attachments=[only["id"]])
    sources = {passage["source"] for passage in named(found, "sources")[0]["passages"]}
    assert sources == {only["source"]}


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


def hang(server: Runtime, model: Model) -> None:
    """Stop the log's server while the model goes on to its end."""
    valkey = valkey_of(server.settings.data_dir)
    valkey.suspend()
    model.until_ended()
    valkey.resume()


def fill(server: Runtime, model: Model) -> None:
    """Let the log's server have no room while the model goes on to its end."""
    with Redis(unix_socket_path=str(server.settings.data_dir.resolve() / "valkey.sock")) as redis:
        redis.config_set("maxmemory", 1)
        model.until_ended()
        redis.config_set("maxmemory", 0)


def kill(server: Runtime, model: Model) -> None:
    """Kill the log's server; it is started again by itself."""
    valkey_of(server.settings.data_dir).kill()


@pytest.mark.parametrize("outage", [hang, fill, kill])
def test_an_outage_of_the_log_in_the_middle_of_an_answer_costs_its_client_nothing(
    model: Model, folder: Path, outage: Callable[[Runtime, Model], None]
):
    model.reset(tokens=100, pace=50)
    with running(folder, None, **settings_for(model)) as server:
        server.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        conversation = server.conversation()
        with asking(server, "Count on.", conversation) as stream:
            stream.until("token", 3)
            outage(server, model)
            seen = stream.rest()
        path = f"/messaging/conversations/{conversation}/messages"
        stored = server.http.get(path).json()["items"][1]
        assert server.replay(stream.run_id()) == seen
    (done,) = named(seen, "done")
    assert text_of(seen) == done["text"] == stored["content"] == model.text()
    assert rising(seen)
