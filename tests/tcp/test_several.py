"""Several processes on one Redis and one PostgreSQL: each reads, stops and finishes what another has begun."""

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.servers.postgres import require_postgres
from tests.servers.redis import require_redis
from tests.servers.runtime import Event, named, text_of
from tests.tcp.model import Model
from tests.tcp.process import Process, asking, attached, process, rising

Start = Callable[..., AbstractContextManager[Process]]


@pytest.fixture
def start(model: Model, tmp_path: Path) -> Iterator[Start]:
    """Start one more process over the same servers."""
    name = f"several_{secrets.token_hex(4)}"
    postgres, redis = require_postgres(), require_redis()
    shared = {"database_url": postgres.create(name), "redis_url": redis.url}

    def begin(folder: str, **chosen: str) -> AbstractContextManager[Process]:
        arguments = ("worker",) if folder.startswith("worker") else ("serve", "--port", "0")
        return process(tmp_path / folder, model, arguments, **shared, **chosen)

    yield begin
    postgres.drop(name)


def whole(model: Model, server: Process, conversation: str, seen: list[Event]) -> None:
    """Hold what a client has seen against the model, the log and the store."""
    assert rising([event for event in seen if event.id])
    assert text_of(seen) == model.text() == seen[-1].data["text"] == server.said(conversation)[1]["content"]
    ends = [event for event in seen if event.name in ("done", "error")]
    assert (len(ends), ends[0].data.get("status")) == (1, "completed")
    assert [len(named(seen, name)) for name in ("run", "decision", "context")] == [1, 1, 1]


def after(server: Process, seen: list[Event]) -> list[Event]:
    """Re-attach at a server behind what was seen and return all of it."""
    with attached(server, seen[0].data["run_id"], seen[-1].id) as stream:
        return seen + stream.rest()


def test_a_stream_that_one_server_begins_is_read_and_stopped_at_another(start: Start, model: Model):
    model.reset(tokens=1000, pace=50)
    with start("a") as a, start("b") as b:
        a.always_answer()
        conversation = a.conversation()
        with asking(a, "Count for both.", conversation) as here:
            here.until("token")
            with attached(b, here.run_id()) as there:
                there.until("token", 3)
                began = time.monotonic()
                stopped = b.http.post(f"/messaging/runs/{here.run_id()}/cancel")
                ended = model.until_ended()
                assert here.rest() == there.rest()
        assert (stopped.status_code, stopped.json()["status"]) == (200, "cancelled")
        assert here.seen[-1].data["status"] == "cancelled"
        assert text_of(here.seen) == here.seen[-1].data["text"] == b.said(conversation)[1]["content"]
    print(f"the model's request ended {1000 * (ended - began):.0f} ms after the cancel at another server")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_server_leaves_another_finishes_where_it_was_cut(
    start: Start, model: Model, end: signal.Signals
):
    model.reset(tokens=400, pace=40)
    with start("a") as a, start("b") as b:
        a.always_answer()
        conversations = [a.conversation() for _ in range(5)]
        with ExitStack() as streams:
            asked = [streams.enter_context(asking(a, "Count on and on.", one)) for one in conversations]
            for stream in asked:
                stream.until("token", 5)
            a.child.send_signal(end)
            for stream in asked:
                with suppress(httpx.TransportError):
                    stream.rest()
            a.child.wait(20)
        cut = time.monotonic()
        seen = [after(b, stream.seen) for stream in asked]
        assert time.monotonic() - cut > 0
        for conversation, events in zip(conversations, seen, strict=True):
            whole(model, b, conversation, events)
            assert named(events, "restart") == []


def test_a_server_that_was_paused_past_its_lease_harms_nothing_when_it_wakes(start: Start, model: Model):
    model.reset(tokens=500, pace=40)
    with start("a") as a, start("b") as b:
        a.always_answer()
        conversation = a.conversation()
        with asking(a, "Count through a pause.", conversation) as stream:
            stream.until("token", 5)
            a.child.send_signal(signal.SIGSTOP)
            with attached(b, stream.run_id()) as other:
                other.until("token", len(named(stream.seen, "token")) + 20)  # b goes on with it
                a.child.send_signal(signal.SIGCONT)
                whole(model, b, conversation, other.rest())
        assert a.http.get("/health").status_code == 200
        again = a.conversation()
        model.reset(tokens=10)
        whole(model, b, again, a.ask("Count after the pause.", again))


def test_workers_answer_what_a_server_accepts(start: Start, model: Model):
    model.reset(tokens=300, pace=50)
    with start("a", answers="workers") as a, start("worker-1") as one, start("worker-2"):
        a.always_answer()
        conversation = a.conversation()
        with asking(a, "Count in a worker.", conversation) as stream:
            stream.until("token", 5)
            one.kill()
            whole(model, a, conversation, stream.rest())
