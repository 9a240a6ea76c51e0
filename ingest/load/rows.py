"""CSV: a table whose header stands above every piece of it; wide rows of prose as lines of `header: value` pairs."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.outline import Outline, stem_of
from ingest.load.tables import PIECE, in_pieces, to_line
from ingest.measure import estimate

NUMBER: Final = re.compile(r"[-+]?[\d.,:/ %€$£-]+$")
LARGEST_FIELD: Final = 10_000_000
SAMPLE: Final = 100
"""Rows that decide how wide the table is, and whether it is one."""


def load_rows(text: str, source: str) -> Document:
    """Return the rows under their header, which is the first row."""
    csv.field_size_limit(LARGEST_FIELD)
    outline = Outline()
    try:
        rows = (
            row for row in csv.reader(io.StringIO(text, newline=""), dialect_of(text, source)) if any(row)
        )
        write(rows, outline)
    except csv.Error as cause:
        raise UnreadableDocument(f"{source} is not a table that can be read: {cause}.") from cause
    return outline.document(source, stem_of(source))


def write(rows: Iterable[Sequence[str]], outline: Outline) -> None:
    """Write the rows as they come."""
    rows = iter(rows)
    head = [[" ".join(cell.split()) for cell in row] for row in islice(rows, SAMPLE)]
    if not head:
        return
    header, first = head[0], head[1:]
    if is_prose(header, first):
        for row in chain(first if is_header(header) else head, rows):
            outline.block(to_pairs(header if is_header(header) else [], row))
        if not outline.parts:
            outline.block(", ".join(header))
        return
    width = max(map(len, head))
    full = ([*row, *[""] * (width - len(row))] for row in chain(first, rows))
    for text, _ in in_pieces(full, [*header, *[""] * (width - len(header))]):
        outline.block(text)


def is_prose(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether fewer than two rows fit under the header on average."""
    if not rows:
        return False
    mean = sum(estimate(to_line(row)) for row in rows) / len(rows)
    return estimate(to_line(header)) + 2 * mean > PIECE


def dialect_of(text: str, source: str) -> type[csv.Dialect] | str:
    """Return how the columns are parted: by tabs in a .tsv, else as the first rows show."""
    if source.lower().endswith(".tsv"):
        return "excel-tab"
    sample = text[:16_384].rsplit("\n", 1)[0] if len(text) > 16_384 else text
    counts = {mark: sample.partition("\n")[0].count(mark) for mark in ",;\t|"}
    best = max(counts, key=lambda mark: counts[mark])

    class Found(csv.excel):
        delimiter = best if counts[best] else ","

    return Found


def is_header(cells: Sequence[str]) -> bool:
    """Tell whether a first row names columns: no numbers, nothing twice."""
    named = [cell for cell in cells if cell]
    return bool(named) and len(set(named)) == len(named) and not any(NUMBER.match(cell) for cell in named)


def to_pairs(header: Sequence[str], row: Sequence[str]) -> str:
    """Return the row's cells that hold something, each with its column's name where it has one."""
    return "; ".join(pairs(header, row))


def pairs(header: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """Yield `name: value` for each cell that holds something."""
    for index, cell in enumerate(row):
        value = " ".join(cell.split())
        name = header[index] if index < len(header) else ""
        if value:
            yield f"{name}: {value}" if name else value
