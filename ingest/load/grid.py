"""Cells that span rows and columns, laid out so that each place of the table says what stands there.

A merged cell is repeated in every place that it covers: "2025 | Q2 | April" reads alone, "| | April" does not.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

WIDEST: Final = 200
"""Columns and rows that one cell may cover; a page may claim a million."""
MOST: Final = 100_000
"""Places of one table; what comes after them is not repeated."""


class Cell(NamedTuple):
    """A cell as it stands in the markup."""

    text: str
    across: int = 1
    down: int = 1


def laid_out(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    """Return the table's rows with merged cells repeated; places that no cell covers are empty."""
    made: list[list[str]] = []
    hanging: dict[int, tuple[str, int]] = {}
    """By column: a cell from above, and the rows that it still covers."""
    places = 0
    for row in rows:
        line: list[str] = []
        left = dict(hanging)
        for cell in row:
            filled(line, left, hanging)
            across = min(max(cell.across, 1), WIDEST) if places < MOST else 1
            for column in range(len(line), len(line) + across):
                line.append(cell.text)
                if cell.down > 1 and places < MOST:
                    hanging[column] = (cell.text, min(cell.down, WIDEST) - 1)
        filled(line, left, hanging)
        places += len(line)
        if places > MOST:
            hanging.clear()
        made.append(line)
    return made


def filled(line: list[str], left: dict[int, tuple[str, int]], hanging: dict[int, tuple[str, int]]) -> None:
    """Append the cells from above that stand next in the line."""
    while len(line) in left:
        column = len(line)
        text, more = left.pop(column)
        line.append(text)
        if more > 1:
            hanging[column] = (text, more - 1)
        else:
            hanging.pop(column, None)


def number(value: str | None, otherwise: int = 1) -> int:
    """Return an attribute's number, the other one where it is none."""
    value = (value or "").strip()
    return int(value) if value.isdecimal() and len(value) < 10 else otherwise
