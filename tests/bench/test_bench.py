"""Each benchmark runs small and says what it saw. What it measures is not judged here: no test is timed."""

import json

import pytest

from bench import overhead, streams
from bench.__main__ import main
from bench.figures import Figure, quantile
from bench.sse import Seen
from bench.waterfall import Run, covered


def object_of(printed: str) -> dict:
    return json.loads(printed.splitlines()[-1])


def test_overhead_ends_with_its_figures_and_their_floors(capsys: pytest.CaptureFixture[str]):
    assert overhead.run(True, requests=4, warm_up=2) in (0, 1)
    found = object_of(capsys.readouterr().out)
    figures = {figure["name"]: figure for figure in found["figures"]}
    assert (found["bench"], found["requests"]) == ("overhead", 4)
    first = figures["first token, warm, p50"]
    assert first["value"] > first["floor"] > 0
    assert figures["our own work to first token, p50"]["most"] == 12.0


def test_streams_lose_nothing_and_end_with_their_figures(capsys: pytest.CaptureFixture[str]):
    assert streams.run(True, clients=5, rounds=1, tokens=(3, 6), pace=20.0) in (0, 1)
    found = object_of(capsys.readouterr().out)
    figures = {figure["name"]: figure["value"] for figure in found["figures"]}
    assert (found["bench"], found["clients"]) == ("streams", 5)
    assert 15 <= found["tokens"] <= 30
    assert figures["streams that missed something"] == 0
    assert 1 <= figures["connections to Valkey"] <= 4


def test_a_name_that_is_no_benchmark_is_bad_usage(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["speed"])
    assert ended.value.code == 2
    assert "overhead" in capsys.readouterr().err


def test_a_figure_over_its_limit_is_missed():
    assert (
        Figure("delay", 101.0, "ms", 2.0, 100.0).reached,
        Figure("delay", 100.0, "ms", 2.0, 100.0).ratio,
    ) == (
        False,
        50.0,
    )


def test_the_quantile_is_the_nearest_rank():
    assert [quantile([3, 1, 2, 4], share) for share in (0, 0.25, 0.5, 0.95, 1)] == [1, 1, 2, 4, 4]
    assert quantile(range(1, 101), 0.07) == 7


def test_work_that_overlaps_is_counted_once():
    run = Run(
        "run", False, [("reader", 1.0, 3.0), ("embed", 1.5, 2.0), ("embed", 2.5, 4.0), ("index", 0.0, 9.0)]
    )
    assert covered(run.spans, 0.0, 3.5) == 2500.0


@pytest.mark.parametrize(
    ("frames", "whole"),
    [
        ([("1-0", "token", "a"), ("2-0", "token", "b"), ("3-0", "done", "ab")], True),
        ([("1-0", "token", "a"), ("3-0", "done", "ab")], False),
        ([("2-0", "token", "a"), ("1-0", "token", "b"), ("3-0", "done", "ab")], False),
        ([("1-0", "token", "ab"), ("3-0", "done", "ab"), ("4-0", "done", "ab")], False),
        ([("1-0", "token", "ab")], False),
    ],
)
def test_a_stream_is_whole_only_with_every_token_in_order_and_one_end(
    frames: list[tuple[str, str, str]], whole: bool
):
    seen = Seen()
    for id, name, text in frames:
        seen.take(f'id: {id}\nevent: {name}\ndata: {{"text":"{text}"}}'.encode(), 5.0)
    assert seen.whole() is whole
