"""Compares a run with an earlier one, whose JSON was kept."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from contracts.errors import BadRequest
from evals.bootstrap import Estimate
from evals.result import Result, is_time, lower_is_better, shown, with_interval


@dataclass(frozen=True, slots=True)
class Change:
    """One figure then and now."""

    name: str
    before: float
    now: Estimate

    @property
    def worse(self) -> bool:
        """Tell whether the whole interval lies on the bad side of the earlier figure; never for times."""
        if is_time(self.name):
            return False
        return self.now.low > self.before if lower_is_better(self.name) else self.now.high < self.before

    @property
    def better(self) -> bool:
        """Tell whether the whole interval lies on the good side of the earlier figure; never for times."""
        if is_time(self.name):
            return False
        return self.now.high < self.before if lower_is_better(self.name) else self.now.low > self.before

    def row(self) -> list[str]:
        """Return name, earlier figure, figure with interval, difference, and what to think of it."""
        difference = self.now.value - self.before
        sign = "+" if difference >= 0 else "−"
        verdict = "worse" if self.worse else "better" if self.better else ""
        return [
            self.name,
            shown(self.name, self.before),
            with_interval(self.name, self.now),
            sign + shown(self.name, abs(difference)),
            verdict,
        ]


def changes(result: Result, path: Path) -> list[Change]:
    """Return the figures that both runs have; raises BadRequest for a file that is no such run."""
    before = earlier(path)
    if before.get("suite") != result.suite:
        raise BadRequest(
            f"{path.name} is of the suite {before.get('suite')!r}, this run of {result.suite!r}."
        )
    metrics = before["metrics"]
    return [
        Change(name, float(metrics[name]["value"]), one)
        for name, one in result.metrics.items()
        if name in metrics
    ]


def earlier(path: Path) -> Mapping[str, Any]:
    """Read an earlier run: a file whose last line is its JSON. Raises BadRequest."""
    try:
        last = path.read_text("utf-8").rstrip("\n").rpartition("\n")[2]
        found = json.loads(last)
        for one in found["metrics"].values():
            if not math.isfinite(float(one["value"])):
                raise ValueError("a figure is not a number")
    except OSError as error:
        raise BadRequest(f"The baseline {str(path)!r} cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(
            f"{path.name} is no earlier run: its last line must be the JSON that `eval --json` ends with."
        ) from error
    return cast("Mapping[str, Any]", found)
