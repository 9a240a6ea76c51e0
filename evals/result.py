"""What a suite came to: figures, and what the report shows beside them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from evals.bootstrap import Estimate
from evals.indexing import Ingest
from evals.progress import Tell

LOWER_IS_BETTER: Final = frozenset({"ece", "aurc", "brier", "risk"})
TIMES: Final = ("_ms",)
"""Endings of figures that depend on the machine and on what else it does: shown, never failed for."""


@dataclass(frozen=True, slots=True)
class Options:
    """What one run was asked for."""

    data: Path
    cache: Path
    """Where indexes are kept between runs."""
    ingest: Ingest | None
    """None where evals was not started by `switchboard eval`."""
    tell: Tell
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head."""

    title: str
    head: list[str]
    rows: list[list[str]]
    """The first cell names the row; the others are figures."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot."""

    title: str
    svg: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was found or said for a question."""

    label: str
    text: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A question that went badly, and what was found for it."""

    question: str
    verdict: str
    wanted: str
    found: list[Found] = field(default_factory=list[Found])


@dataclass(frozen=True, slots=True)
class Bar:
    """What a suite must reach."""

    sentence: str
    passed: bool


@dataclass(slots=True)
class Result:
    """What a suite measured."""

    suite: str
    data: str
    """The data folder's name."""
    n: int
    """Questions."""
    metrics: dict[str, Estimate]
    seconds: float = 0.0
    bars: list[Bar] = field(default_factory=list[Bar])
    tables: list[Table] = field(default_factory=list[Table])
    figures: list[Figure] = field(default_factory=list[Figure])
    cases: list[Case] = field(default_factory=list[Case])
    notes: list[str] = field(default_factory=list[str])

    def body(self) -> dict[str, Any]:
        """Return the JSON of design.md section 5, figures to six digits."""
        metrics = {
            name: {key: round(value, 6) for key, value in one._asdict().items()}
            for name, one in self.metrics.items()
        }
        return {"suite": self.suite, "n": self.n, "metrics": metrics, "seconds": round(self.seconds, 3)}


def lower_is_better(name: str) -> bool:
    """Tell whether a smaller figure of this name is the better one."""
    return is_time(name) or name.rpartition(".")[2] in LOWER_IS_BETTER


def is_time(name: str) -> bool:
    """Tell whether the figure depends on the machine."""
    return name.endswith(TIMES)


def shown(name: str, value: float) -> str:
    """Return the figure as people read it: milliseconds to a tenth, shares to three digits."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.1f}" if is_time(name) else f"{value:.3f}"


def with_interval(name: str, one: Estimate) -> str:
    """Return the figure with its interval in parentheses."""
    return f"{shown(name, one.value)} ({shown(name, one.low)}–{shown(name, one.high)})"


def bars_for(metrics: Mapping[str, Estimate], least: Mapping[str, float]) -> list[Bar]:
    """Return whether each figure reaches its least value."""
    return [
        Bar(f"{name} is {metrics[name].value:.3f}, at least {bar:.3f} is asked", metrics[name].value >= bar)
        for name, bar in least.items()
    ]
