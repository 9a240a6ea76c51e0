"""What of a passage can answer, and what it has to be read with: a row with its header, an item with its lead-in.

"EUR 190" in a row says nothing without the row's first cell, the column's name and the heading above. So each unit
knows what stands above it, and a row knows its table, since a range can only be read from the whole.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from retrievers.sentences import COLUMNS, KEY, Span, split

MARK: Final = re.compile(r"(?:[-*+•◦▪–—]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+")
"""What a list item begins with."""
_RECORD: Final = re.compile(r"[^\W\d][\w ]*: ")
_STOP: Final = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")
_LEAD: Final = ("?", "？", "؟", ":")
HEADING: Final = 70
"""Characters that a heading without a mark has at most."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What may be chosen as an answer."""

    span: Span
    above: tuple[Span, ...] = ()
    """A table's header, a list's lead-in, the question before: read as one with it."""
    heading: Span | None = None
    """The nearest heading inside of the passage."""
    table: tuple[Span, ...] = ()
    """All lines of its table, the header first; () outside of tables."""


def units(text: str, start: int = 0) -> list[Unit]:
    """Return what of the text from `start` on can answer, in order.

    Headings, questions and lead-ins announce and do not answer; where there is nothing else, they are returned.
    """
    spans = [(start + first, start + last) for first, last in split(text[start:])]
    lines = [span for span in spans if any(character.isalnum() for character in text[slice(*span)])]
    found = list(_walk(text, lines))
    return found or [Unit(span) for span in lines]


def is_row(line: str) -> bool:
    """Tell whether a line is one of a table: cells between pipes, or columns wide apart."""
    return line.startswith("|") or bool(COLUMNS.search(line))


def _walk(text: str, lines: Sequence[Span]) -> Iterator[Unit]:
    heading: Span | None = None
    lead: tuple[Span, ...] = ()
    at = 0
    while at < len(lines):
        span, said = lines[at], text[slice(*lines[at])]
        run = _run(text, lines, at)
        if len(run) > 1:
            heads = 1 if is_row(said) or len(run) < 4 else 2
            yield from (Unit(row, (*lead, *run[:heads]), heading, tuple(run)) for row in run[heads:])
            lead = ()
        elif said.startswith("#") or (not lead and _is_title(text, lines, at)):
            heading, lead = span, ()
        elif said.endswith(_LEAD):
            lead = (*lead, span)[-2:]
        else:
            key = KEY.match(said)
            yield Unit((span[0] + key.end(), span[1]) if key and _STOP.search(said) else span, lead, heading)
            follows = at + 1 < len(lines) and MARK.match(text[slice(*lines[at + 1])])
            lead = lead if MARK.match(said) and follows else ()
        at += len(run)


def _run(text: str, lines: Sequence[Span], at: int) -> list[Span]:
    """Return the lines of the table that begins here; the one line alone where there is none."""
    run = [lines[at]]
    rows = is_row(text[slice(*run[0])])
    if not rows and not _is_short(text[slice(*run[0])]):
        return run
    for span in lines[at + 1 :]:
        said, between = text[slice(*span)], text[run[-1][1] : span[0]]
        if is_row(said) != rows or re.search(r"\n[ \t]*\n", between) or not (rows or _is_short(said)):
            break
        run.append(span)
    return run if rows or len(run) > 2 else run[:1]


def _is_short(line: str) -> bool:
    """Tell whether a line has no sentence in it."""
    return not (_STOP.search(line) or line.endswith(_LEAD) or MARK.match(line) or line.startswith("#")) and (
        len(line) <= 2 * HEADING and not _RECORD.match(line)
    )


def _is_title(text: str, lines: Sequence[Span], at: int) -> bool:
    """Tell whether a lone short line announces what follows it."""
    said = text[slice(*lines[at])]
    if MARK.match(said):  # "5. GETTING HERE"
        said = MARK.sub("", said, count=1)
        return said.isupper() and at + 1 < len(lines)
    return _is_short(said) and len(said) <= HEADING and at + 1 < len(lines)
