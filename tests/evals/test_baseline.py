"""When a run is worse than an earlier one: by its interval, on the bad side, and never for a clock."""

import json
from pathlib import Path

import pytest

from contracts.errors import BadRequest
from evals.baseline import Change, changes, earlier
from evals.bootstrap import Estimate
from evals.result import Result


@pytest.mark.parametrize(
    ("name", "before", "now", "verdict"),
    [
        ("ndcg@10", 0.90, (0.85, 0.82, 0.88), "worse"),
        ("ndcg@10", 0.90, (0.88, 0.85, 0.91), ""),
        ("ndcg@10", 0.90, (0.95, 0.92, 0.97), "better"),
        ("dense.recall@5", 0.90, (0.85, 0.82, 0.89), "worse"),
        ("ece", 0.05, (0.10, 0.07, 0.12), "worse"),
        ("ece", 0.10, (0.05, 0.03, 0.07), "better"),
        ("latency_p95_ms", 10, (90, 80, 95), ""),
        ("dense.cpu_ms", 90, (10, 9, 11), ""),
    ],
)
def test_a_change_counts_where_its_whole_interval_lies_on_one_side(
    name: str, before: float, now: tuple[float, float, float], verdict: str
) -> None:
    assert Change(name, before, Estimate(*now)).row()[-1] == verdict


def test_a_difference_is_shown_with_its_sign() -> None:
    row = Change("auroc", 0.9, Estimate(0.85, 0.8, 0.89)).row()

    assert row == ["auroc", "0.900", "0.850 (0.800–0.890)", "−0.050", "worse"]


def test_figures_that_only_one_run_has_are_left_out(tmp_path: Path) -> None:
    metrics = {"auroc": {"value": 0.9}, "gone": {"value": 1}}
    (tmp_path / "old.json").write_text(json.dumps({"suite": "s", "metrics": metrics}))
    now = Result("s", "data", 1, {"auroc": Estimate(0.9, 0.8, 1), "new": Estimate(1, 1, 1)})

    assert [one.name for one in changes(now, tmp_path / "old.json")] == ["auroc"]


def test_a_run_of_another_suite_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"suite": "retrieval", "metrics": {}}')

    with pytest.raises(BadRequest, match="is of the suite 'retrieval'"):
        changes(Result("handbook", "data", 1, {}), tmp_path / "old.json")


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "{}", '{"metrics": {"a": 1}}', '{"metrics": {"a": {"value": NaN}}}']
)
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "old.json").write_text(text)

    with pytest.raises(BadRequest, match=r"old.json is no earlier run"):
        earlier(tmp_path / "old.json")


def test_only_the_last_line_of_a_baseline_counts(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('progress\n{"suite": "s", "metrics": {}}\n')

    assert earlier(tmp_path / "old.json")["suite"] == "s"
