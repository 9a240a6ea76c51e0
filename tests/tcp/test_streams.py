"""What a stream promises its clients, over real sockets: the one that leaves, the slow one, the waiting one."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx

from tests.servers.runtime import events, named, text_of
from tests.tcp.model import Model
from tests.tcp.process import Process, asking, attached, rising


def test_a_client_that_goes_away_does_not_end_the_answer(server: Process, model: Model):
    model.reset(tokens=120, pace=150)
    conversation = server.conversation()
    with asking(server, "Count for a while.", conversation) as stream:
        stream.until("token", 3)
    rest = server.replay(stream.run_id(), stream.seen[-1].id)
    stored = server.said(conversation)[1]
    assert text_of(stream.seen + rest) == model.text() == rest[-1].data["text"] == stored["content"]
    assert (rest[-1].data["status"], stored["status"]) == ("completed", "completed")
    assert rising(stream.seen + rest)
    assert len(model.asked) == 1


def test_an_answer_that_nobody_reads_is_written_and_stored_whole(server: Process, model: Model):
    model.reset(tokens=60, pace=100)
    conversation = server.conversation()
    with asking(server, "Count alone.", conversation) as stream:
        stream.until("run")
    model.until_ended()
    with attached(server, stream.run_id()) as again:
        again.rest()
    assert server.said(conversation)[1]["content"] == model.text()


def test_many_reattachments_in_mid_answer_see_each_event_once(server: Process, model: Model):
    model.reset(tokens=100, pace=200)
    with asking(server, "Count for the restless.") as stream:
        stream.until("token")
    seen = stream.seen
    while seen[-1].name != "done":
        with attached(server, stream.run_id(), seen[-1].id) as again:
            seen.append(next(again.source))
    assert seen == server.replay(stream.run_id())
    assert text_of(seen) == model.text()


def test_all_who_follow_one_answer_see_the_same_events(server: Process, model: Model):
    model.reset(tokens=80, pace=150)
    with asking(server, "Count for all.") as stream, ThreadPoolExecutor(10) as readers:
        stream.until("token")
        others = [readers.submit(server.replay, stream.run_id()) for _ in range(10)]
        whole = stream.rest()
    assert [other.result() for other in others] == [whole] * 10


def test_a_client_of_one_byte_a_second_harms_nobody_and_misses_nothing(server: Process, model: Model):
    model.reset(tokens=150, pace=100)
    place = urlsplit(server.url)
    conversation, slow = server.conversation(), socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect((place.hostname, place.port))
    body = b'{"content": "Count for the slow."}'
    slow.sendall(
        b"POST /api/v1/messaging/conversations/%b/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (conversation.encode(), len(body), body)
    )
    got = slow.recv(1)
    began = time.monotonic()
    with ThreadPoolExecutor(5) as others:
        answers = [others.submit(server.ask, f"Count for number {n}.") for n in range(5)]
        while not all(answer.done() for answer in answers):
            got += slow.recv(1)
            with ThreadPoolExecutor(
                1
            ) as clock:  # a second between bytes, or less once nobody is left to harm
                clock.submit(lambda: [answer.result(1) for answer in answers]).exception()
    took = time.monotonic() - began
    while piece := slow.recv(65_536):
        got += piece
    slow.close()
    whole = list(events(iter(_body(got).decode().splitlines())))
    assert {text_of(answer.result()) for answer in answers} == {model.text()}
    assert whole == server.replay(whole[0].data["run_id"])
    assert text_of(whole) == model.text()
    print(f"five answers of 1.5 s beside the slow client: {took:.2f} s")


def test_a_quiet_stream_carries_heartbeats_without_an_id(server: Process, model: Model):
    with (
        httpx.Client(base_url=f"{server.url}/api/v1", timeout=httpx.Timeout(6)) as http,
        http.stream(
            "POST",
            f"/messaging/conversations/{server.conversation()}/stream",
            json={"content": "Say nothing. [[hang]]"},
        ) as response,
    ):
        lines = response.iter_lines()
        run_id = next(events(lines)).data["run_id"]
        model.until_asked()
        asked = time.monotonic()
        beat = next(line for line in lines if line.startswith(":"))
        took = time.monotonic() - asked
        server.http.post(f"/messaging/runs/{run_id}/cancel").raise_for_status()
        assert [event.name for event in events(lines)][-1] == "done"
    assert beat == ": heartbeat"
    assert took < 6
    assert "heartbeat" not in server.http.get(f"/messaging/runs/{run_id}/stream").text
    print(f"first heartbeat after {took:.2f} s")


def test_the_decision_comes_before_the_first_token(server: Process, model: Model):
    names = [event.name for event in server.ask("Count once more.")]
    assert names.index("decision") < names.index("context") < names.index("token")
    assert names[-1] == "done"
    assert named(server.ask("And again."), "error") == []


def _body(response: bytes) -> bytes:
    """Return the body of a chunked response."""
    head, _, rest = response.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert b"transfer-encoding: chunked" in head.lower()
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size, 16)
        body, rest = body + rest[:count], rest[count + 2 :]
        if not count:
            break
    return body
