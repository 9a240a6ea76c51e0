"""WebSockets of servers that are processes: they end, others go on, and a client that does not read harms nobody."""

import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from websockets.exceptions import ConnectionClosed

from tests.servers.line import Line, line
from tests.servers.postgres import require_postgres
from tests.servers.redis import require_redis
from tests.servers.runtime import text_of
from tests.tcp.model import Model
from tests.tcp.process import Process, process, rising

Start = Callable[[str], AbstractContextManager[Process]]


@pytest.fixture
def start(model: Model, tmp_path: Path) -> Iterator[Start]:
    """Start one more server over the same Redis and PostgreSQL."""
    name = f"sockets_{secrets.token_hex(4)}"
    postgres, redis = require_postgres(), require_redis()
    shared = {"database_url": postgres.create(name), "redis_url": redis.url}
    yield lambda folder: process(tmp_path / folder, model, **shared)
    postgres.drop(name)


def read_to_the_close(mine: Line) -> int:
    """Read until the server closes and return its code."""
    with pytest.raises(ConnectionClosed) as closed:
        mine.until("nothing")
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_a_server_that_stops_closes_its_sockets_and_their_clients_go_on_elsewhere(start: Start, model: Model):
    model.reset(tokens=1000, pace=50)
    with start("a") as a, start("b") as b:
        a.always_answer()
        with line(a) as first:
            run_id = first.ask(a.conversation(), "Count across servers.")
            for _ in range(5):
                first.until("token", run_id=run_id)
            last = first.all("message")[-1]["id"]
            a.child.send_signal(signal.SIGTERM)
            code = read_to_the_close(first)
        model.tokens, model.pace = 150, 0.0  # more than was said so far
        a.child.wait(10)
        seen = first.events(run_id)
        with line(b, after=last) as second:
            assert second.until("status", run_id=run_id)["status"] in ("running", "completed")
            second.say("attach", run_id=run_id, after=seen[-1].id)
            whole = seen + second.follow(run_id)
            answer = second.have("message", run_id=run_id)
            assert whole == b.replay(run_id)
    assert code == 1012
    assert rising(whole)
    assert text_of(whole) == whole[-1].data["text"] == answer["data"]["content"]
    assert "Traceback" not in a.errors.read_text()


def test_what_one_server_does_is_told_at_another_at_once(start: Start, model: Model):
    with start("a") as a, start("b") as b, line(b) as there:
        a.always_answer()
        there.until("ping")  # and so a look that would come by itself is 5 s away
        run_id = a.ask("Count for the other side.")[0].data["run_id"]
        began = time.monotonic()
        answer = there.until("message", run_id=run_id)
        if answer["data"]["role"] == "user":
            answer = there.until("message", run_id=run_id)
        took = time.monotonic() - began
    assert answer["data"]["content"] == model.text()
    assert [one["status"] for one in there.all("status")][-1] == "completed"
    assert took < 2
    print(f"told at the other server {took * 1000:.0f} ms after the end of the stream")


def test_a_client_that_does_not_read_harms_nobody_and_misses_nothing(server: Process, model: Model):
    model.reset(tokens=60_000)
    run_id = server.ask("Count for the sleeper.")[0].data["run_id"]
    model.reset(tokens=100)
    place, deaf = urlsplit(server.url), socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect((place.hostname, place.port))
    with line(server, sock=deaf, max_queue=1) as slow:
        slow.say("attach", run_id=run_id)
        slow.until("token", run_id=run_id)
        began = time.monotonic()
        with ThreadPoolExecutor(5) as others, line(server) as quick:
            answers = list(others.map(lambda n: text_of(server.ask(f"Count for {n}.")), range(5)))
            answers.append(text_of(quick.follow(quick.ask(server.conversation(), "Count beside."))))
        took = time.monotonic() - began
        assert slow.follow(run_id) == server.replay(run_id)
    assert answers == [model.text()] * 6
    assert took < 5
    print(f"six answers beside the client that does not read: {took:.2f} s")


def test_sockets_hold_no_connection_to_redis_and_leave_no_key(model: Model, folder: Path):
    with process(folder, model) as server, Redis(unix_socket_path=str(folder / "valkey.sock")) as redis:
        server.always_answer()
        lines = [line(server) for _ in range(10)]
        opened = [one.__enter__() for one in lines]
        runs = [one.ask(server.conversation(), f"Count {n}.") for n, one in enumerate(opened)]
        texts = {text_of(one.follow(run_id)) for one, run_id in zip(opened, runs, strict=True)}
        connections = len(redis.client_list()) - 1
        for one in lines:
            one.__exit__(None, None, None)
        keys = list(redis.scan_iter(count=1000))
        lasting = [key for key in keys if redis.ttl(key) < 0]
        figures = server.http.get(f"{server.url}/metrics").text
    assert texts == {model.text()}
    assert connections <= 4
    assert b"sb:local:news:local" in keys
    assert lasting == []
    assert "switchboard_streams_open 0.0" in figures
