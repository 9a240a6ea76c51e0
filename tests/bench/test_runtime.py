"""What `bench runtime` computes from given samples, and that a tiny run of it ends with its JSON. Nothing is timed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench import runtime, sse_text
from bench.__main__ import main
from bench.clocks import Clocks, read
from bench.fit import Round, fit, line_of
from bench.layers import REST, SYSTEM, layer_of, samples_of, shared_out
from bench.length import Teachable, teach
from bench.peers.install import ensure, pins
from bench.peers.kinds import FIRST, PEERS, Place
from bench.processes import ROOT
from bench.rounds import Seen, asked, interleave, judge
from bench.soak import Soaked, Stamped, soak
from bench.stub import serving
from bench.tap import Asked, Tap, tap_all, unchunked
from bench.targets import TOKEN_EVENT, floor
from bench.verdict import own_figures, row, spread, verdict


def rounds_of(request_ms: float, token_us: float, requests: int = 10) -> tuple[Round, Round]:
    """Two rounds that cost just that, a tenth of it in the embedder."""

    def made(tokens: int) -> Round:
        seconds = requests * (request_ms / 1e3 + tokens * token_us / 1e6)
        return Round(tokens, requests, {"server": seconds, "embedder": seconds / 10})

    return made(50), made(200)


def object_of(printed: str) -> dict:
    return json.loads(printed.splitlines()[-1])


def test_two_lengths_tell_a_request_from_a_token():
    assert line_of(*rounds_of(3, 30), ["server"]) == pytest.approx((3, 30))


def test_what_is_apart_is_taken_off_both():
    assert line_of(*rounds_of(3, 30), ["server"], ["embedder"]) == pytest.approx((2.7, 27))


def test_the_line_is_the_median_of_the_rounds_with_their_ends():
    line = fit([rounds_of(3, 30), rounds_of(5, 20), rounds_of(4, 70)], ["server"])
    assert (line.request_ms, line.token_us) == pytest.approx((4, 30))
    assert (*line.request_range, *line.token_range) == pytest.approx((3, 5, 20, 70))


def test_no_round_has_no_line():
    with pytest.raises(ValueError, match="no round"):
        fit([], ["server"])


@pytest.mark.parametrize(("request_ms", "reached"), [(5.0, True), (6.0, False)])
def test_the_goal_holds_for_what_is_left_without_embedder_and_reranker(request_ms: float, reached: bool):
    own = Seen(rounds=[rounds_of(request_ms, 30)], firsts=[100.0], answers=1)
    found = {figure.name: figure for figure in own_figures(own, Seen(rounds=[rounds_of(0.1, 25)]))}
    figure = found["embedder and reranker apart, a request"]
    assert (figure.value, figure.most, figure.reached) == (pytest.approx(0.9 * request_ms), 5.0, reached)


def test_a_peer_that_did_not_start_stands_in_the_table_with_its_error(capsys: pytest.CaptureFixture[str]):
    good = Seen(rounds=[rounds_of(3, 30)], firsts=[100.0], answers=1)
    seen = {"ours": good, "floor": good, "aegra": Seen(trouble="PostgreSQL is not installed")}
    assert verdict(False, seen, None) == 0
    assert "aegra" in (said := capsys.readouterr().out)
    assert "not measured: PostgreSQL is not installed" in said


def test_one_lost_answer_misses_the_goal(capsys: pytest.CaptureFixture[str]):
    good = Seen(rounds=[rounds_of(3, 30)], firsts=[100.0], answers=1)
    assert verdict(True, {"ours": good, "floor": good}, None) == 0
    lost = Seen(rounds=good.rounds, firsts=good.firsts, broken=1, answers=1)
    assert verdict(True, {"ours": lost, "floor": good}, None) == 1
    assert object_of(capsys.readouterr().out)["bench"] == "runtime"


def test_late_tokens_of_a_soak_miss_its_goal(capsys: pytest.CaptureFixture[str]):
    soaked = Soaked(tokens=100, seconds=1.0)
    soaked.delays.extend([10.0] * 98 + [51.0, 51.0])
    assert verdict(True, {}, soaked) == 1
    figures = {figure["name"]: figure for figure in object_of(capsys.readouterr().out)["figures"]}
    assert figures["soak: token delay, p99"]["value"] == 51.0
    assert figures["soak: token delay, p50"]["value"] == 10.0


def test_the_cell_shows_how_far_the_rounds_lie_apart():
    assert spread(3.14159, (2.999, 4.0), 2) == "3.14 (3.00 to 4.00)"


def test_a_peer_that_broke_off_keeps_what_it_was_measured_at():
    seen = Seen(rounds=[rounds_of(3, 30)], firsts=[100.0], broken=2, answers=9, trouble="TimeoutError")
    assert "3.00 (3.00 to 3.00)" in row("litellm", seen)
    assert row("litellm", seen).endswith("2 of 9\n  TimeoutError")


def test_clocked_work_inside_other_clocked_work_is_counted_once(tmp_path: Path):
    clocks = Clocks(tmp_path / "clock")

    def spin() -> None:
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass

    inner = clocks.around("embedder", spin)
    before = time.thread_time()
    clocks.around("reader", lambda: (inner(), spin()))()
    spent, found = time.thread_time() - before, read(tmp_path / "clock")
    assert found["embedder"] >= 0.02
    assert found["reader"] >= 0.02
    assert sum(found.values()) <= spent


def test_a_sample_counts_for_the_innermost_layer():
    root = f"main ({ROOT}/server/serve.py:9);run (/usr/lib/python3.11/asyncio/runners.py:1)"
    node = f"{root};step (/x/site-packages/langgraph/pregel/loop.py:3);retrieve ({ROOT}/nodes/retrieve.py:4)"
    assert layer_of(f"{node};dumps (/usr/lib/python3.11/json/__init__.py:2)") == "nodes"
    assert layer_of(f"{node};send (/x/site-packages/redis/asyncio/client.py:2)") == "Valkey client (redis-py)"
    assert layer_of(f"{node};scores ({ROOT}/retrievers/rerank.py:2)") == "reranker"
    assert layer_of("run (/usr/lib/python3.11/asyncio/runners.py:1)") == REST


def test_each_threads_seconds_are_shared_out_by_its_own_samples():
    raw = (
        f"thread (7): MainThread;a ({ROOT}/nodes/guard.py:1) 3\n"
        f"thread (7): MainThread;b ({ROOT}/server/tail.py:1) 1\n"
        f"thread (8): store-write_0;c ({ROOT}/store/runs.py:1) 2\n"
    )
    samples = samples_of(raw)
    assert samples == {"7": {"nodes": 3, "tail": 1}, "8": {"SQL": 2}}
    assert shared_out({"7": 4.0, "8": 1.0}, samples, {}) == {"nodes": 3.0, "tail": 1.0, "SQL": 1.0}


def test_clocked_seconds_are_taken_as_they_are_and_the_rest_shares_what_is_left():
    raw = f"thread (7): M;a ({ROOT}/nodes/guard.py:1) 1\nthread (7): M;b ({ROOT}/ports/onnx.py:1) 1\n"
    assert shared_out({"7": 4.0}, samples_of(raw), {"embedder": 3.0}) == {"embedder": 3.0, "nodes": 1.0}
    made = shared_out({"7": 4.0, SYSTEM: 2.0}, samples_of(raw), {"embedder": 3.0})
    assert made == {"embedder": 3.0, SYSTEM: 2.0, "nodes": 1.0}


RUNS = b'event: token\ndata: {"text":"The"}\n\n: beat\n\nevent: token\ndata: {"text":" stub"}\n\n'
CHUNKS = (
    b'event: metadata\r\ndata: {"run_id":"1"}\r\n\r\nevent: messages\r\n'
    b'data: [{"content":"The","type":"AIMessageChunk"},{}]\r\n\r\n'
    b'event: messages\r\ndata: [{"content":"The stub","type":"ai"},{}]\r\n\r\n'
)
DELTAS = (
    b'data: {"choices":[{"delta":{"role":"assistant","content":"The"}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":null}}]}\n\ndata: [DONE]\n\n'
)


def test_each_kind_of_stream_is_read_as_its_text():
    assert sse_text.of_runs(RUNS + b'event: done\ndata: {"text":"The stub"}\n\n') == "The stub"
    assert sse_text.of_runs(RUNS + b'event: done\ndata: {"text":"The stub counts"}\n\n') == ""
    assert sse_text.of_runs(RUNS) == ""
    assert sse_text.of_messages(CHUNKS) == "The"
    assert sse_text.of_completions(DELTAS) == "The"


def test_a_chunked_body_is_joined_as_far_as_it_came():
    assert unchunked(b"3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n") == b"abcde"
    assert unchunked(b"3\r\nabc\r\n5\r\nde") == b"abcde"


def test_no_two_questions_are_the_same():
    flow = asked()
    assert len({next(flow) for _ in range(2000)}) == 2000


def test_every_peer_is_pinned_and_its_first_token_is_known():
    assert set(pins()) == set(PEERS)
    assert all("==" in one for wanted in pins().values() for one in wanted)
    assert FIRST.search(CHUNKS)
    assert FIRST.search(DELTAS)


def test_every_peer_is_asked_with_the_question_and_told_its_model(tmp_path: Path):
    at = Place(tmp_path, 4711, "http://127.0.0.1:1234", "postgresql://nowhere")
    for peer in PEERS.values():
        request = peer.asked("thread_1", "How many days?").raw(4711)
        assert b"How many days?" in request
        assert ("thread_1" in request.split(b" ")[1].decode()) is peer.threads
        told = {"BENCH_STUB_URL": at.stub, **peer.env(at)} | dict(peer.files(at))
        assert any(at.stub in text for text in told.values())
        assert "4711" in peer.command(at)


async def test_an_environment_with_the_same_pins_is_not_made_anew(tmp_path: Path):
    (tmp_path / "litellm").mkdir()
    (tmp_path / "litellm" / "pins.json").write_text(json.dumps(pins()["litellm"]))
    assert await ensure("litellm", tmp_path) == tmp_path / "litellm"
    assert [path.name for path in (tmp_path / "litellm").iterdir()] == ["pins.json"]


class Silent:
    """A server that takes connections and closes them, as one does that falls over."""

    name, mark, text = "silent", TOKEN_EVENT, staticmethod(sse_text.of_runs)

    def __init__(self, port: int) -> None:
        self.port = port

    async def requests(self, questions: list[str]) -> list[Asked]:
        return [Asked("/", b"{}", {}) for _ in questions]

    def cost(self) -> Mapping[str, float]:
        return {"server": 0.0}


@asynccontextmanager
async def silent() -> AsyncIterator[Silent]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    yield Silent(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()


async def test_a_server_that_falls_over_is_reported_and_the_others_go_on():
    async with serving(Teachable()) as stub, floor(stub) as relay, silent() as broken:
        seen = await interleave([relay, broken], stub, rounds=1, streams=3)
    assert (seen["floor"].answers, seen["floor"].broken, len(seen["floor"].rounds)) == (6, 0, 1)
    assert seen["silent"].rounds == []
    assert seen["silent"].trouble.startswith("RuntimeError: none of 3 answers was whole")


def heard(raw: bytes) -> Tap:
    tap = Tap(b"", TOKEN_EVENT)
    tap.data_received(raw)
    return tap


def test_refused_and_changed_answers_are_counted_as_not_whole():
    good = (
        b'HTTP/1.1 200 OK\r\n\r\nevent: token\ndata: {"text":"The"}\n\nevent: done\ndata: {"text":"The"}\n\n'
    )
    seen = Seen()
    taps = [heard(good), heard(good.replace(b"The", b"A")), heard(b"HTTP/1.1 503 No\r\n\r\nlater")]
    judge(Silent(0), taps, 1, seen)
    assert (seen.answers, seen.broken, len(seen.firsts)) == (3, 2, 2)
    assert seen.refused.endswith("later")


async def test_the_stub_is_taught_how_long_its_answers_are():
    async with serving(Teachable()) as stub, floor(stub) as relay:
        for length in (2, 5):
            await teach(stub, length)
            (tap,) = await tap_all(relay.port, await relay.requests(["Go on?"]), relay.mark, 30)
            assert relay.text(tap.body()) == " ".join(["The", "stub", "counts", "words", "so"][:length])
            assert tap.first >= tap.began > 0


def test_a_tiny_run_ends_with_its_figures_and_their_floors(capsys: pytest.CaptureFixture[str]):
    assert runtime.run(True, rounds=1, peers="none", streams=2, pace=200.0) in (0, 1)
    found = object_of(capsys.readouterr().out)
    figures = {figure["name"]: figure for figure in found["figures"]}
    assert (found["bench"], found["streams"], sorted(found["rounds"])) == ("runtime", 2, ["floor", "ours"])
    assert figures["answers that are not whole"]["value"] == 0
    assert found["rounds"]["ours"]["answers"] == 4
    assert figures["embedder and reranker apart, a token"]["most"] == 40.0
    assert figures["first token of all at once, p99"]["most"] == 250.0
    assert set(found["rounds"]["ours"]["rounds"][0][0]["cost"]) == {
        "server", "store", "embedder", "reranker", "reader",
    }  # fmt: skip


def test_a_peer_that_is_not_known_is_bad_usage(capsys: pytest.CaptureFixture[str]):
    assert main(["runtime", "--peers", "vercel"]) == 2
    assert "No such peer: vercel" in capsys.readouterr().err


def test_a_soaked_stream_is_whole_only_with_all_that_done_says():
    soaked = Soaked()
    for frames, whole in (([b'"text":" 5.0"', b'"text":" 7.0 8.0"'], True), ([b'"text":" 5.0"'], False)):
        seen = Stamped(soaked=soaked)
        for n, data in enumerate(frames):
            seen.take(b"id: %d-0\nevent: token\ndata: {%b}" % (n + 1, data), 9.0)
        seen.take(b'id: 9-0\nevent: done\ndata: {"text":" 5.0 7.0 8.0"}', 9.0)
        assert seen.whole() is whole
    assert list(soaked.delays) == [4.0, 2.0, 1.0, 4.0]


def test_a_soaked_stream_with_two_ends_is_not_whole_and_one_told_anew_is():
    seen = Stamped(soaked=Soaked())
    for name, text in (("token", " 5.0"), ("restart", ""), ("token", " 5.0 6.0"), ("done", " 5.0 6.0")):
        seen.take(f'id: 1-0\nevent: {name}\ndata: {{"text":"{text}"}}'.encode(), 9.0)
    assert seen.whole() is True
    seen.take(b'id: 1-1\nevent: done\ndata: {"text":" 5.0 6.0"}', 9.0)
    assert seen.whole() is False


async def test_a_tiny_soak_loses_nothing():
    soaked = await soak(0.5, streams=3, pace=20.0)
    assert (soaked.broken, soaked.lost, soaked.tokens, len(soaked.delays)) == (0, 0, 30, 30)
    assert min(soaked.delays) >= 0
