"""How a benchmark's figures are held and shown: each with its floor beside it, as a ratio from the same run."""

import json as encoder_of_json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    """The same measured on the least that could do the work."""
    most: float | None = None
    """The value that it must not pass."""

    @property
    def ratio(self) -> float | None:
        """Return the value as a multiple of its floor; None without one."""
        return round(self.value / self.floor, 2) if self.floor else None

    @property
    def reached(self) -> bool:
        """Tell whether the value holds its limit."""
        return self.most is None or self.value <= self.most

    def line(self) -> str:
        """Return the figure as a line of a table."""
        floor = "" if self.floor is None else f"floor {self.floor:9.3f}"
        ratio = "" if self.ratio is None else f"x {self.ratio:.1f}"
        limit = "" if self.most is None else f"at most {self.most:g}{'' if self.reached else '  MISSED'}"
        return f"{self.name:46}{self.value:10.3f} {self.unit:8}{floor:16} {ratio:9}{limit}".rstrip()


def quantile(values: Sequence[float], share: float) -> float:
    """Return the least value that `share` of the values do not pass, the nearest rank; 0.0 for none."""
    ranked = sorted(values)
    rank = ceil(round(share * len(ranked), 6))  # without the 6 digits .07 of 100 would be rank 8
    return ranked[max(rank, 1) - 1] if ranked else 0.0


def show(name: str, figures: Sequence[Figure], json: bool, **more: Any) -> int:
    """Print the figures and return the exit code: 1 where one misses its limit."""
    out = sys.stderr if json else sys.stdout
    for figure in figures:
        print(figure.line(), file=out)
    if json:
        rows = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
        print(encoder_of_json.dumps({"bench": name, "figures": rows, **more}))
    return 0 if all(figure.reached for figure in figures) else 1
