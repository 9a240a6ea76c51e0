"""Lines of PDF pages to blocks: headings by their size and weight, paragraphs without their line breaks, tables.

What is not sure stays a line of text: a wrong heading would be embedded with every chunk below it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ingest.load.outline import LONGEST_HEADING
from ingest.load.pdf_lines import Cell, Line

LARGER: Final = 1.13
"""Times the size of the body text from which a line may be a heading."""
MARK: Final = re.compile(r"(?:[-*•◦▪–—·‣●○■]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s|[•▪●]")
NUMBERED: Final = re.compile(r"(?:\d+(?:\.\d+)*\.?|[A-Z]\.|[IVX]+\.)\s+\S")
ENDS: Final = re.compile(r"[.!?。！？:;,]$")
LETTERS: Final = re.compile(r"[^\W\d_]")
LEADERS: Final = re.compile(r"(?:\. ?){4,}")
ROWS: Final = 3
"""Lines of a table at least."""
LONGEST_CELL: Final = 45
"""Characters of a table's cells on average, beyond which they are columns of prose."""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph or a table of one page."""

    text: str
    level: int = 0
    """From 1 for headings; 0 for all else."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Of a table."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the lines of a document have in common."""

    body: float
    """The size in which most characters are written."""
    sizes: tuple[float, ...]
    """Sizes of headings, largest first: the place is the level."""
    bold: bool
    """Whether most text is bold, so that this means nothing."""


def scale_of(pages: Sequence[Sequence[Line]]) -> Scale:
    """Return the sizes of the body text and of what is larger."""
    weights: Counter[float] = Counter()
    heavy = 0
    for line in (line for page in pages for line in page):
        weights[round(line.size, 1)] += len(line.text)
        heavy += len(line.text) if line.bold else 0
    total = weights.total()
    body = max(weights, key=lambda size: weights[size], default=0.0)
    larger = sorted((size for size in weights if size > body * LARGER), reverse=True)
    levels: list[float] = []
    for size in larger:
        if not levels or size < levels[-1] * 0.93:
            levels.append(size)
    return Scale(body, tuple(levels[:4]), heavy * 2 > total)


def blocks_of(lines: Sequence[Line], scale: Scale) -> Iterator[Block]:
    """Yield the blocks of a page in the order of its lines."""
    at = 0
    while at < len(lines):
        table = table_at(lines, at)
        if table:
            yield Block("", rows=tuple(tuple(row) for row in table))
            at += len(table)
            continue
        level = level_of(lines, at, scale)
        run = [lines[at]]
        while at + len(run) < len(lines) and not table_at(lines, at + len(run)):
            after = at + len(run)
            same = level_of(lines, after, scale) == level
            goes_on = heading_goes_on if level else paragraph_goes_on
            if not same or not goes_on(run, lines[after]):
                break
            run.append(lines[after])
        text = joined(run)
        if level and len(text) <= LONGEST_HEADING:
            yield Block(text, level)
        elif text:
            yield Block(text)
        at += len(run)


def plausible(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks, where a run of headings of one level with nothing between them is text: names on a cover."""
    found = list(blocks)
    at = 0
    while at < len(found):
        end = at
        while end < len(found) and found[end].level and found[end].level == found[at].level:
            end += 1
        if end - at > 2:
            found[at:end] = [replace(block, level=0) for block in found[at:end]]
        at = max(end, at + 1)
    return found


def level_of(lines: Sequence[Line], at: int, scale: Scale) -> int:
    """Return the level of a heading, from 1; 0 for what is none."""
    line = lines[at]
    text = line.text
    if (
        not 2 < len(text) <= LONGEST_HEADING
        or not LETTERS.search(text)
        or LEADERS.search(text)
        or not scale.body
    ):
        return 0
    if line.size > scale.body * LARGER and not ENDS.search(text) and len(scale.sizes) > 0:
        return 1 + min(range(len(scale.sizes)), key=lambda place: abs(scale.sizes[place] - line.size))
    if not line.bold or scale.bold or line.size < scale.body * 0.95 or ENDS.search(text) or MARK.match(text):
        return 0
    apart = at == 0 or lines[at - 1].bottom - line.top > 0.25 * line.size or lines[at - 1].top < line.bottom
    return 1 + len(scale.sizes) if (apart or NUMBERED.match(text)) and len(line.cells) < 2 else 0


def heading_goes_on(run: Sequence[Line], line: Line) -> bool:
    """Tell whether a heading has another line."""
    last = run[-1]
    near = 0 <= last.bottom - line.bottom < 2 * last.size
    return near and abs(last.size - line.size) < 0.5 and not NUMBERED.match(line.text) and len(run) < 4


def paragraph_goes_on(run: Sequence[Line], line: Line) -> bool:
    """Tell whether a line belongs to the paragraph above it."""
    last = run[-1]
    if not line.text or not last.text or MARK.match(line.text) or LEADERS.search(last.text):
        return False
    drop = last.bottom - line.bottom
    if abs(drop) < 0.3 * last.size:  # PDFium parts a line where its font changes
        return True
    if not 0 < drop < 1.75 * max(last.size, line.size) or abs(last.size - line.size) > 0.25 * last.size:
        return False
    wide = max(one.right - one.left for one in run)
    full = last.right - last.left > 0.7 * wide and last.right > max(one.right for one in run) - 0.25 * wide
    return (
        last.broken
        or (full and wide > 12 * last.size)
        or (full and not ENDS.search(last.text) and wide > 8 * last.size)
    )


def joined(run: Sequence[Line]) -> str:
    """Return the lines as one; a word that a hyphen parted is whole again."""
    parts: list[str] = []
    for line in run:
        parts.append(line.text if line.broken else f"{line.text} ")
    return " ".join("".join(parts).split())


def table_at(lines: Sequence[Line], at: int) -> list[list[str]]:
    """Return the rows of the table that begins at a line, [] where none does."""
    if len(lines[at].cells) < 2:
        return []
    end = at
    while (
        end < len(lines) and len(lines[end].cells) > 1 and (end == at or follows(lines[end - 1], lines[end]))
    ):
        end += 1
    found = [line.cells for line in lines[at:end]]
    if len(found) < ROWS or sum(len(cell.text) for row in found for cell in row) > LONGEST_CELL * sum(
        map(len, found)
    ):
        return []
    columns = columns_of(found)
    if len(columns) < 2 or any(len({column_of(cell, columns) for cell in row}) < len(row) for row in found):
        return []
    if sum(map(len, found)) < 0.5 * len(columns) * len(found):
        return []
    return [placed(row, columns) for row in found]


def follows(above: Line, below: Line) -> bool:
    """Tell whether a line stands below another, near it."""
    return 0 < above.bottom - below.bottom < 4 * max(above.size, below.size)


def columns_of(rows: Sequence[Sequence[Cell]]) -> list[tuple[float, float]]:
    """Return the columns: what the cells cover from left to right, joined where they overlap."""
    spans = sorted((cell.left, cell.right) for row in rows for cell in row)
    columns = [spans[0]]
    for left, right in spans[1:]:
        if left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns


def column_of(cell: Cell, columns: Sequence[tuple[float, float]]) -> int:
    """Return the column that a cell stands in."""
    return next((at for at, (left, right) in enumerate(columns) if left <= cell.left <= right), 0)


def placed(row: Sequence[Cell], columns: Sequence[tuple[float, float]]) -> list[str]:
    """Return a text for each column."""
    texts = [""] * len(columns)
    for cell in row:
        texts[column_of(cell, columns)] = cell.text
    return texts


def margins(pages: Sequence[Sequence[Line]]) -> frozenset[str]:
    """Return the first and last lines that most pages share but for their numbers: headers and footers."""
    edges = ({masked(page[0].text), masked(page[-1].text)} for page in pages if page)
    counts = Counter(line for edge in edges for line in edge if line)
    return frozenset(line for line, count in counts.items() if count >= max(3, 0.6 * len(pages)))


def masked(text: str) -> str:
    """Return a line with its numbers made equal."""
    return re.sub(r"\d+", "#", text.strip())


def body(page: Sequence[Line], repeated: frozenset[str]) -> Sequence[Line]:
    """Return the page's lines without its header and footer."""
    if len(page) > 1 and masked(page[0].text) in repeated:
        page = page[1:]
    if len(page) > 1 and masked(page[-1].text) in repeated:
        page = page[:-1]
    return page


__all__ = ["Block", "Scale", "blocks_of", "body", "margins", "plausible", "scale_of"]
