"""CSV: each row becomes one line of `header: value` pairs, which reads alone wherever the chunks are cut."""

import csv
import io
import re
from itertools import islice

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.outline import Outline, stem_of

NUMBER = re.compile(r"[-+]?[\d.,:/ %€$£-]+$")
LARGEST_FIELD = 10_000_000


def load_rows(text: str, source: str) -> Document:
    """Return one block a row. The first row is the header unless it holds numbers or repeats a name."""
    csv.field_size_limit(LARGEST_FIELD)
    outline = Outline()
    try:
        rows = (
            row for row in csv.reader(io.StringIO(text, newline=""), dialect_of(text, source)) if any(row)
        )
        head = list(islice(rows, 1))
        header = [" ".join(cell.split()) for cell in head[0]] if head else []
        if is_header(header):
            for row in rows:
                outline.block(to_line(header, row))
            if not outline.parts:
                outline.block(", ".join(header))
        else:
            for row in (*head, *rows):
                outline.block(to_line([], row))
    except csv.Error as cause:
        raise UnreadableDocument(f"{source} is not a table that can be read: {cause}.") from cause
    return outline.document(source, stem_of(source))


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


def is_header(cells: list[str]) -> bool:
    """Tell whether a first row names columns: no numbers, nothing twice."""
    named = [cell for cell in cells if cell]
    return bool(named) and len(set(named)) == len(named) and not any(NUMBER.match(cell) for cell in named)


def to_line(header: list[str], row: list[str]) -> str:
    """Return the row's cells that hold something, each with its column's name where it has one."""
    pairs: list[str] = []
    for index, cell in enumerate(row):
        value = " ".join(cell.split())
        name = header[index] if index < len(header) else ""
        if value:
            pairs.append(f"{name}: {value}" if name else value)
    return "; ".join(pairs)
