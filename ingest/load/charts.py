"""Charts of Office files as their kind, title and the table of their cached data (DrawingML charts)."""

from collections.abc import Iterator
from typing import Any, Final

from ingest.load.markup import child, children, descendants, local, parse_part, words
from ingest.load.package import Package
from ingest.load.sheets import spelled
from ingest.load.tables import table

MOST: Final = 200
"""Points of a series that are written: a chart of more is a picture of a curve, not a table."""
KINDS: Final = {
    "barChart": "Bar chart", "bar3DChart": "Bar chart", "lineChart": "Line chart", "line3DChart": "Line chart",
    "pieChart": "Pie chart", "pie3DChart": "Pie chart", "doughnutChart": "Doughnut chart", "areaChart": "Area chart",
    "scatterChart": "Scatter chart", "bubbleChart": "Bubble chart", "radarChart": "Radar chart",
}  # fmt: skip


def chart_texts(package: Package, part: str) -> Iterator[str]:
    """Yield a chart's title, its kind and its data as a table."""
    root = parse_part(package, part)
    chart = None if root is None else child(root, "chart")
    if chart is None:
        return
    if title := words_of_title(chart):
        yield title
    for plot in descendants(chart, *KINDS):
        yield KINDS[local(plot)]
        series = list(children(plot, "ser"))[:50]
        names = [words_of(child(one, "tx")) or f"Series {number}" for number, one in enumerate(series, 1)]
        columns = [
            points(child(one, "val") if child(one, "val") is not None else child(one, "yVal"))
            for one in series
        ]
        labels: dict[int, str] = {}
        for one in series:
            at = child(one, "cat") if child(one, "cat") is not None else child(one, "xVal")
            labels |= points(at) if at is not None else {}
        places = sorted({place for column in columns for place in column} | set(labels))[:MOST]
        rows = [[labels.get(at, str(at + 1)), *(column.get(at, "") for column in columns)] for at in places]
        yield table([["", *names], *rows])


def words_of_title(chart: Any) -> str:
    """Return the chart's own title, "" where it has none."""
    title = child(chart, "title")
    return "" if title is None else " ".join(words(one) for one in descendants(title, "t", "v"))


def words_of(name: Any) -> str:
    """Return a series' name."""
    return "" if name is None else " ".join(words(one) for one in descendants(name, "v"))


def points(values: Any) -> dict[int, str]:
    """Return the cached values by their index."""
    if values is None:
        return {}
    found: dict[int, str] = {}
    for point in descendants(values, "pt"):
        at = point.get("idx") or ""
        if at.isdecimal() and len(at) < 7:
            found[int(at)] = plain(words(child(point, "v")))
    return found


def plain(text: str) -> str:
    """Return a number without the noise of its binary form; any other text as it is."""
    try:
        return spelled(float(text))
    except ValueError:
        return text
