"""Rows of cells as Markdown. A long table is written as several, each under the header again.

So a row is understood wherever a chunk begins: the splitter cuts between tables before it cuts inside of one.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ingest.measure import estimate

PADDED: Final = 500_000
"""Places of a table up to which short rows are filled up to the width of the widest."""
PIECE: Final = 150
"""Tokens of one piece: fits under the splitter's target of 200 with a title and a heading path."""


def to_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return Markdown's lines for the rows that hold anything, all as wide as the widest; the first is the header."""
    kept = [row for row in rows if any(row)]
    width = max(map(len, kept), default=0)
    lines = [to_line([*row, *[""] * (width - len(row))]) for row in kept]
    if len(kept) > 1:
        lines.insert(1, ruler(width))
    return lines


def to_line(row: Sequence[str]) -> str:
    """Return one row."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in row)} |"


def ruler(width: int) -> str:
    """Return the line below a header."""
    return f"|{' --- |' * width}"


def in_pieces(
    rows: Iterable[Sequence[str]], header: Sequence[str], room: int = PIECE
) -> Iterator[tuple[str, int]]:
    """Yield each piece of a table with the header above it, and the number of its rows. Rows are read as needed."""
    head = f"{to_line(header)}\n{ruler(len(header))}"
    least = estimate(head)
    lines: list[str] = []
    filled = least
    for row in rows:
        line = to_line(row)
        tokens = estimate(line)
        if lines and filled + tokens > room + least:
            yield "\n".join([head, *lines]), len(lines)
            lines, filled = [], least
        lines.append(line)
        filled += tokens
    yield "\n".join([head, *lines]) if lines else to_line(header), len(lines)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of any length, its pieces parted by blank lines; "" where no cell holds anything."""
    kept = [row for row in rows if any(row)]
    if len(kept) < 3:
        return "\n".join(to_table(kept))
    width = max(map(len, kept))
    even = width * len(kept) <= PADDED
    full = [[*row, *[""] * (width - len(row))] for row in kept] if even else kept
    return "\n\n".join(text for text, _ in in_pieces(full[1:], full[0]))
