"""The report is one page that needs nothing else, and shows texts as texts."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.bootstrap import Estimate
from evals.metrics import reliability, risk_coverage
from evals.plots import bars, calibration, curves, histogram, steps
from evals.report import page
from evals.result import Bar, Case, Figure, Found, Result, Table

EVIL = '<script>alert("x")</script>&<img src=x>'
LABELS, SAID = [1, 0, 1, 1, 0], [0.9, 0.2, 0.6, 0.8, 0.7]
PLOTS = {
    "bars": bars({"ndcg@10": {"hybrid": Estimate(0.9, 0.8, 0.95), "dense": Estimate(0.7, 0.6, 0.8)}}),
    "curves": curves({"reader": risk_coverage(LABELS, SAID)}, {"all": 0.4}),
    "calibration": calibration(reliability(LABELS, SAID)),
    "histogram": histogram([1, 2, 2, 3, 50], {"p50": 2.0}, "ms"),
}


def result() -> Result:
    made = Result("retrieval", EVIL, 3, {"ndcg@10": Estimate(0.5, 0.4, 0.6)})
    made.tables = [Table(EVIL, ["metric", EVIL], [[EVIL, "1"]], EVIL)]
    made.figures = [Figure(EVIL, PLOTS["bars"], EVIL)]
    made.bars = [Bar(EVIL, passed=False)]
    made.cases = [Case(EVIL, EVIL, EVIL, [Found(EVIL, EVIL, right=True)])]
    made.notes = [EVIL]
    return made


def test_texts_of_the_data_stay_texts() -> None:
    made = page(result())

    assert "<script" not in made
    assert "<img" not in made
    assert made.count("&lt;script&gt;") >= 10


def test_the_page_loads_nothing() -> None:
    made = page(result())

    assert re.findall(r"""(?:src|href|url|@import)\s*[=(]""", re.sub("&lt;img src=x&gt;", "", made)) == []


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_well_formed_and_says_its_figures(name: str) -> None:
    drawn = ElementTree.fromstring(PLOTS[name])

    assert drawn.get("role") == "img"
    assert re.search(r"\d", drawn.get("aria-label") or "")


def test_nothing_is_drawn_outside_of_the_picture() -> None:
    for plot in PLOTS.values():
        drawn = ElementTree.fromstring(plot)
        _, _, width, height = map(float, (drawn.get("viewBox") or "").split())
        for one in drawn.iter():
            for key, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
                assert 0 <= float(one.get(key, 0)) <= most


def test_a_histogram_counts_every_value_once() -> None:
    values = np.random.default_rng(1).gamma(2, 10, 500)

    tips = re.findall(r"<title>[^<]*: (\d+)</title>", histogram(values.tolist(), {}, "ms"))

    assert sum(map(int, tips)) == 500


def test_a_bar_is_as_high_as_its_figure() -> None:
    heights = [
        float(one)
        for one in re.findall(r'height="([\d.]+)" rx="2" fill="var\(--one\)"><title', PLOTS["bars"])
    ]
    others = [
        float(one)
        for one in re.findall(r'height="([\d.]+)" rx="2" fill="var\(--two\)"><title', PLOTS["bars"])
    ]

    assert heights[0] / others[0] == pytest.approx(0.9 / 0.7, rel=0.01)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_an_axis_has_a_few_round_numbers_within_its_range(low: float, span: float) -> None:
    found = steps(low, low + span)

    assert 2 <= len(found) <= 9
    assert all(low - span * 1e-6 <= one <= low + span * (1 + 1e-6) for one in found)


def test_a_run_without_cases_has_no_empty_section() -> None:
    made = page(Result("s", "d", 0, {}))

    assert "What went worst" not in made
    assert "Against the baseline" not in made
