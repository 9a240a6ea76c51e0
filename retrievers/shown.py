"""How what was chosen is shown: verbatim but for white space and the marks of lists and tables.

A table is shown as Markdown, whole where it is small, since "EUR 501 to EUR 2,000" can only be read among its
neighbours. A sentence is one line; a list item keeps the line that introduces it.
"""

import re
from collections.abc import Sequence
from typing import Final

from retrievers.blocks import MARK, Unit, is_row
from retrievers.sentences import Span

ROWS: Final = 8
"""Rows, without the header, up to which a table is shown whole."""


def shown(text: str, unit: Unit) -> str:
    """Return the unit as it stands in an answer, in Markdown."""
    said = flat(text[slice(*unit.span)])
    if unit.table:
        return table(text, unit)
    if MARK.match(said):
        said = item(said)
        lead = flat(text[slice(*unit.above[-1])]) if unit.above else ""
        return f"{lead}\n\n{said}" if lead.endswith(":") else said
    return said


def table(text: str, unit: Unit) -> str:
    """Return the unit's table as Markdown: the whole, or its header and the row where it has many."""
    rows = [text[slice(*span)] for span in unit.table]
    if len(rows) - 1 > ROWS:
        rows = [rows[0], text[slice(*unit.span)]]
    if not is_row(rows[0]):
        return f"{flat(rows[0])}\n\n" + "\n".join(f"- {flat(row)}" for row in rows[1:])
    cells = [cut(row) for row in rows]
    width = max(map(len, cells))
    lines = [line([*row, *[""] * (width - len(row))]) for row in cells]
    return "\n".join([lines[0], line(["---"] * width), *lines[1:]])


def cut(row: str) -> list[str]:
    """Return the cells of a row between pipes, or in columns that two blanks part."""
    if row.startswith("|"):
        return [cell.strip() for cell in row.strip().strip("|").split("|")]
    return [cell.strip().replace("|", r"\|") for cell in re.split(r" {2,}", row.strip())]


def line(cells: Sequence[str]) -> str:
    """Return a row of Markdown."""
    return f"| {' | '.join(cells)} |"


def item(said: str) -> str:
    """Return a list item with a mark that Markdown knows."""
    return MARK.sub("- ", said, count=1) if not said[0].isalnum() else said


def flat(text: str) -> str:
    """Return the text on one line."""
    return " ".join(text.split())


def spans_shown(unit: Unit) -> tuple[Span, ...]:
    """Return the lines that are shown with the unit, itself included."""
    return unit.table if 0 < len(unit.table) - 1 <= ROWS else (unit.span,)
