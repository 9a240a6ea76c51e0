"""Sheets of cells: each run of neighbouring cells becomes a table; its sheet and range stand in the heading path.

Cells are held sparsely: a sheet may claim seventeen billion places, and only those that hold something count.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from ingest.load.outline import Outline
from ingest.load.tables import in_pieces

Cells = dict[tuple[int, int], str]
"""Text by row and column, both from 0; no empty text."""
SPREAD: Final = 20
"""Places a cell up to which a region is written as a table; a sparser one becomes a list of its cells."""
SMALL: Final = 10_000
"""Places up to which it always is."""
COVERED: Final = 1_000
"""Rows or columns that one merged cell is repeated in."""


@dataclass(slots=True)
class Sheet:
    """One sheet as it was read."""

    name: str
    cells: Cells = field(default_factory=Cells)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    """First row, first column, last row, last column."""
    notes: list[str] = field(default_factory=list[str])
    """What is said beside the cells: comments, charts."""


class Region(NamedTuple):
    """A run of neighbouring cells, and the box around them."""

    top: int
    left: int
    bottom: int
    right: int
    rows: Mapping[int, Sequence[int]]
    """The columns that hold something, in order, by row."""

    def size(self) -> int:
        """Return the cells."""
        return sum(map(len, self.rows.values()))

    def places(self) -> int:
        """Return the places of the box."""
        return (self.bottom - self.top + 1) * (self.right - self.left + 1)


def write_sheet(sheet: Sheet, outline: Outline) -> None:
    """Write the sheet's name as a heading, and below it its tables from top to bottom and what is said beside them."""
    cover(sheet)
    if not sheet.cells and not sheet.notes:
        return
    outline.heading(2, sheet.name)
    for region in sorted(regions(sheet.cells), key=lambda found: (found.top, found.left)):
        if region.size() == 1:
            outline.label(3, range_of(region.top, region.left, region.bottom, region.right))
            outline.block(sheet.cells[region.top, region.left])
        elif region.places() <= max(SMALL, SPREAD * region.size()):
            write_table(sheet.cells, region, outline)
        else:
            outline.label(3, range_of(region.top, region.left, region.bottom, region.right))
            outline.block("\n".join(listed(sheet.cells, region)))
    for note in sheet.notes:
        outline.label(3, "beside the cells")
        outline.block(note)


def cover(sheet: Sheet) -> None:
    """Repeat each merged cell in the places that it covers, where these are not absurdly many."""
    for top, left, bottom, right in sheet.merged:
        text = sheet.cells.get((top, left))
        if not text or bottom - top >= COVERED or right - left >= COVERED:
            continue
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                sheet.cells[row, column] = text


def write_table(cells: Cells, region: Region, outline: Outline) -> None:
    """Write a region as a table, each piece under its own range."""
    columns = range(region.left, region.right + 1)

    def texts(row: int) -> list[str]:
        return [cells.get((row, column), "") for column in columns]

    numbers = sorted(region.rows)
    at = 1
    for text, count in in_pieces((texts(row) for row in numbers[1:]), texts(numbers[0])):
        first = numbers[0] if at == 1 else numbers[at]
        last = numbers[min(at + count, len(numbers)) - 1]
        outline.label(3, range_of(first, region.left, last, region.right))
        outline.block(text)
        at += count


def listed(cells: Cells, region: Region) -> Iterator[str]:
    """Yield a line for each row, its cells with their addresses."""
    for row in sorted(region.rows):
        yield "; ".join(f"{address(row, column)}: {cells[row, column]}" for column in region.rows[row])


def regions(cells: Cells) -> list[Region]:
    """Return the runs of cells that touch side by side or one above the other."""
    by_row: defaultdict[int, list[int]] = defaultdict(list)
    for row, column in cells:
        by_row[row].append(column)
    parent: list[int] = []
    runs: list[tuple[int, int, int]] = []
    """Row, first and last column."""
    before: list[int] = []
    last_row = -2
    for row in sorted(by_row):
        here = [len(runs) + number for number, _ in enumerate(runs_of(sorted(by_row[row])))]
        for first, last in runs_of(sorted(by_row[row])):
            runs.append((row, first, last))
            parent.append(len(parent))
        if row == last_row + 1:
            join(runs, parent, before, here)
        before, last_row = here, row
    return boxes(runs, parent)


def runs_of(columns: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of columns without a gap."""
    first = last = columns[0]
    for column in columns[1:]:
        if column != last + 1:
            yield first, last
            first = column
        last = column
    yield first, last


def join(
    runs: Sequence[tuple[int, int, int]], parent: list[int], before: Sequence[int], here: Sequence[int]
) -> None:
    """Make one what overlaps between two rows that follow one another; both are in order."""
    one = two = 0
    while one < len(before) and two < len(here):
        (_, first, last), (_, left, right) = runs[before[one]], runs[here[two]]
        if first <= right and left <= last:
            parent[root(parent, before[one])] = root(parent, here[two])
        if last < right:
            one += 1
        else:
            two += 1


def root(parent: list[int], at: int) -> int:
    """Return the run that stands for all that is joined with this one."""
    while parent[at] != at:
        parent[at] = parent[parent[at]]
        at = parent[at]
    return at


def boxes(runs: Sequence[tuple[int, int, int]], parent: list[int]) -> list[Region]:
    """Return the joined runs with the boxes around them."""
    groups: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for number, run in enumerate(runs):
        groups[root(parent, number)].append(run)
    found: list[Region] = []
    for group in groups.values():
        rows: defaultdict[int, list[int]] = defaultdict(list)
        for row, first, last in group:
            rows[row].extend(range(first, last + 1))
        left, right = min(first for _, first, _ in group), max(last for _, _, last in group)
        found.append(Region(min(rows), left, max(rows), right, rows))
    return found


def address(row: int, column: int) -> str:
    """Return a cell's name: `B3` for row 2 and column 1, both from 0."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def range_of(top: int, left: int, bottom: int, right: int) -> str:
    """Return a range's name, `A1:C7`; a single cell's is its own."""
    first, last = address(top, left), address(bottom, right)
    return first if first == last else f"{first}:{last}"


def spelled(value: object) -> str:
    """Return a cell's value as people write it: no `.0` behind whole numbers, dates without a midnight."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, time | timedelta):
        return str(value)
    return " ".join(str(value).split()) if value is not None else ""
