"""Plots as inline SVG: small functions that draw what the report shows, in colours of its style sheet."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

import numpy as np

from evals.bootstrap import Estimate
from evals.metrics import Bin, Curve

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 28, 44
COLOURS: Final = ("var(--one)", "var(--two)", "var(--three)", "var(--four)")
CLASSES: Final = 30
"""Columns of a histogram."""


@dataclass(slots=True)
class Canvas:
    """Axes from data to pixels, and what was drawn so far."""

    x: tuple[float, float] = (0.0, 1.0)
    y: tuple[float, float] = (0.0, 1.0)
    width: int = WIDTH
    parts: list[str] = field(default_factory=list[str])

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0]) * (self.width - LEFT - RIGHT)
        up = (y - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + across, 1), round(HEIGHT - BOTTOM - up, 1)

    def line(self, points: Sequence[tuple[float, float]], colour: str, extra: str = "") -> None:
        """Draw a line through points of the data."""
        path = " ".join(f"{x},{y}" for x, y in (self.at(*point) for point in points))
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" {extra}/>'
        )

    def box(self, left: float, right: float, top: float, colour: str, tip: str) -> None:
        """Draw a column from the axis up to `top`."""
        x, y = self.at(left, top)
        end, ground = self.at(right, self.y[0])
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{max(end - x, 0.5):.1f}" height="{max(ground - y, 0):.1f}" rx="2" '
            f'fill="{colour}"><title>{escape(tip)}</title></rect>'
        )

    def text(self, x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> None:
        """Write at a pixel."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'
        )

    def axes(self, across: str, up: str, *, ticks: bool = True) -> None:
        """Draw the grid with its numbers and the names of both axes."""
        for value in steps(*self.y):
            left, y = self.at(self.x[0], value)
            self.parts.append(f'<line x1="{left}" x2="{self.width - RIGHT}" y1="{y}" y2="{y}" class="grid"/>')
            self.text(left - 6, y + 4, number(value), "end")
        for value in steps(*self.x) if ticks else []:
            x, y = self.at(value, self.y[0])
            self.text(x, y + 16, number(value))
        self.text((LEFT + self.width - RIGHT) / 2, HEIGHT - 8, across, kind="name")
        if up:
            self.text(8, 12, up, "start", "name")

    def legend(self, names: Sequence[str], colours: Sequence[str] = COLOURS) -> None:
        """Name the colours at the bottom."""
        x = float(LEFT)
        for name, colour in zip(names, colours, strict=False):
            self.parts.append(
                f'<rect x="{x}" y="{HEIGHT - 16}" width="10" height="10" rx="2" fill="{colour}"/>'
            )
            self.text(x + 15, HEIGHT - 7, name, "start")
            x += 27 + 6.6 * len(name)

    def svg(self, label: str) -> str:
        """Return the drawing; `label` is what a screen reader says."""
        return (
            f'<svg viewBox="0 0 {self.width} {HEIGHT}" role="img" aria-label="{escape(label, quote=True)}">'
            f"{''.join(self.parts)}</svg>"
        )


def bars(groups: Mapping[str, Mapping[str, Estimate]], *, wide: bool = False) -> str:
    """Draw a group of bars for each name, 0 to 1, with their intervals as whiskers."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    canvas = Canvas(x=(0, len(groups)), width=2 * WIDTH if wide else WIDTH)
    canvas.axes("", "", ticks=False)
    for place, (title, group) in enumerate(groups.items()):
        x, y = canvas.at(place + 0.5, 0)
        canvas.text(x, y + 16, title.replace("_", " "))
        for number_, name in enumerate(names):
            wide_one = 0.8 / len(names)
            left = place + 0.1 + number_ * wide_one
            _bar(canvas, left, left + wide_one * 0.9, group[name], COLOURS[number_], f"{name} {title}")
    if len(names) > 1:
        canvas.legend(names)
    return canvas.svg(
        "; ".join(f"{t}: {', '.join(f'{n} {e.value:.3f}' for n, e in g.items())}" for t, g in groups.items())
    )


def _bar(canvas: Canvas, left: float, right: float, one: Estimate, colour: str, name: str) -> None:
    canvas.box(left, right, one.value, colour, f"{name}: {one.value:.3f} [{one.low:.3f}, {one.high:.3f}]")
    middle = (left + right) / 2
    x, low = canvas.at(middle, one.low)
    _, high = canvas.at(middle, one.high)
    canvas.parts.append(f'<path d="M{x} {low}V{high}M{x - 4} {low}h8M{x - 4} {high}h8" class="whisker"/>')
    _, ground = canvas.at(middle, 0)
    canvas.text(x, ground - 8, f"{one.value:.3f}".removeprefix("0"), kind="inside")


def curves(lines: Mapping[str, Curve], levels: Mapping[str, float]) -> str:
    """Draw risk over coverage, and dashed levels to compare with."""
    top = max([*levels.values(), *(float(one.risk.max()) for one in lines.values())], default=1.0)
    canvas = Canvas(y=(0.0, min(1.0, math.ceil(top * 10 + 0.5) / 10)))
    canvas.axes("", "risk over coverage")
    colours = [COLOURS[0], "var(--quiet)", COLOURS[1]]
    for (name, curve), colour in zip(lines.items(), colours, strict=False):
        points = list(zip(curve.coverage.tolist(), curve.risk.tolist(), strict=True))
        canvas.line(points, colour, f'data-name="{escape(name)}"')
    for level in levels.values():
        canvas.line([(0, level), (1, level)], COLOURS[1], 'stroke-dasharray="5 4"')
    canvas.legend([*lines, *levels], [*colours[: len(lines)], COLOURS[1]])
    said = "; ".join(f"{name}: mean risk {one.risk.mean():.3f}" for name, one in lines.items())
    return canvas.svg(f"Risk over coverage. {said}")


def calibration(bins: Sequence[Bin]) -> str:
    """Draw each bin's truth over its probability, with the diagonal on which both agree."""
    canvas = Canvas()
    canvas.axes("stated probability", "share that came true")
    canvas.line([(0, 0), (1, 1)], "var(--quiet)", 'stroke-dasharray="5 4"')
    held = [one for one in bins if one.size]
    canvas.line([(one.confidence, one.accuracy) for one in held], COLOURS[0])
    most = max((one.size for one in held), default=1)
    for one in held:
        x, y = canvas.at(one.confidence, one.accuracy)
        radius = 3 + 7 * math.sqrt(one.size / most)
        tip = f"{one.size} questions said {one.confidence:.2f}, true {one.accuracy:.2f}"
        canvas.parts.append(
            f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{COLOURS[0]}" fill-opacity=".75">'
            f"<title>{tip}</title></circle>"
        )
    return canvas.svg("; ".join(f"said {one.confidence:.2f}: true {one.accuracy:.2f}" for one in held))


def histogram(values: Sequence[float], marks: Mapping[str, float], unit: str) -> str:
    """Draw how the values are spread up to the 99.5th percentile; what is beyond counts in the last column."""
    top = float(np.quantile(values, 0.995)) if len(values) else 1.0
    counts, edges = np.histogram(np.minimum(values, top), CLASSES, (0, max(top, 1e-9)))
    canvas = Canvas(x=(0.0, max(top, 1e-9)), y=(0.0, max(1.0, float(counts.max()) * 1.12)))
    canvas.axes(unit, "queries")
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        gap = (high - low) * 0.06
        canvas.box(low + gap, high - gap, count, COLOURS[0], f"{low:.1f}–{high:.1f} {unit}: {count}")
    for place, (name, value) in enumerate(marks.items()):
        canvas.line([(value, 0), (value, canvas.y[1])], COLOURS[1], 'stroke-dasharray="4 3"')
        x, y = canvas.at(value, canvas.y[1])
        canvas.text(x + 4, y + 10 + 14 * place, f"{name} {value:.1f} {unit}", "start", "mark")
    return canvas.svg(", ".join(f"{name} {value:.1f} {unit}" for name, value in marks.items()))


def steps(low: float, high: float) -> list[float]:
    """Return four to nine round numbers from low to high."""
    span = max(high - low, 1e-12)
    rough = span / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next((power * nice for nice in (1, 2, 5) if power * nice >= rough), power * 10)
    first = math.ceil(low / step - 1e-9)
    return [round(step * place, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """Return the number as short as it stays exact."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
