"""reStructuredText: sections by their adornments; directives and roles stay as text."""

import re
from collections.abc import Iterator, Sequence

from contracts.documents import Document
from ingest.load.markdown import lines
from ingest.load.outline import Heading, brief, stem_of, to_sections

ADORNMENT = re.compile(r"([!-/:-@[-`{-~])\1{2,}[ \t]*$")
ROLE = re.compile(r":[\w:.+-]+:`[!~]?([^`<]+?)(?:\s*<[^`>]*>)?`")
MARKS = re.compile(r"`+_*|\*+|\|")

Line = tuple[str, int]


def load_restructured(text: str, source: str) -> Document:
    """Return the document; its title is the first section's."""
    headings = list(find_headings(list(lines(text, 0))))
    title = brief(headings[0].title if headings else stem_of(source))
    return Document(source, title, text, to_sections(text, headings, title))


def find_headings(rows: Sequence[Line]) -> Iterator[Heading]:
    """Yield the headings; a style's level is the order in which it first appears, as docutils reads it."""
    styles: list[tuple[str, bool]] = []
    at = 0
    while at < len(rows):
        over = overlined(rows[at : at + 3])
        if not (over or underlined(rows[max(at - 1, 0) : at + 2], at == 0)):
            at += 1
            continue
        taken = rows[at : at + (3 if over else 2)]
        style = (taken[-1][0][0], over)
        if style not in styles:
            styles.append(style)
        words = plain(taken[1 if over else 0][0])
        yield Heading(styles.index(style) + 1, words, taken[0][1], taken[-1][1] + len(taken[-1][0]))
        at += len(taken)


def overlined(rows: Sequence[Line]) -> bool:
    """Tell whether the three lines are a title between two equal adornments."""
    if len(rows) < 3:
        return False
    (over, _), (words, _), (under, _) = rows
    if not (ADORNMENT.match(over) and ADORNMENT.match(under) and over.rstrip() == under.rstrip()):
        return False
    return bool(words.strip()) and len(words.strip()) <= len(over) and not ADORNMENT.match(words)


def underlined(rows: Sequence[Line], first: bool) -> bool:
    """Tell whether the line after a blank one (or the first of the text) is a title with its underline."""
    if not first:
        if len(rows) < 3 or rows[0][0].strip():
            return False
        rows = rows[1:]
    if len(rows) < 2:
        return False
    words, under = rows[0][0], rows[1][0]
    if not words.strip() or words[0].isspace() or ADORNMENT.match(words) or not ADORNMENT.match(under):
        return False
    return len(under.rstrip()) >= min(len(words.rstrip()), 4)


def plain(text: str) -> str:
    """Return a title's words without roles and marks."""
    return " ".join(MARKS.sub("", ROLE.sub(r"\1", text)).replace("\\", "").split())
