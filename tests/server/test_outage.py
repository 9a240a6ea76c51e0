"""The run log's server dies under a running Switchboard: it comes back by itself, and nothing ends in silence."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.servers.runtime import named, running, text_of

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
def test_an_unknown_attachment_is_refused(runtime, attachment: str):
    path = f"/messaging/conversations/{runtime.conversation()}/stream"
    answer = runtime.http.post(path, json={"content": QUESTION, "attachments": [attachment]})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_document")


def test_an_answer_draws_on_the_attached_document_alone(runtime):
    items = runtime.http.get("/documents?limit=200").json()["items"]
    only = next(one for one in items if one["source"].endswith("remote-work.txt"))
    found = runtime.ask("How many days may I work from another country?", attachments=[only["id"]])
    sources = {passage["source"] for passage in named(found, "sources")[0]["passages"]}
    assert sources == {only["source"]}
