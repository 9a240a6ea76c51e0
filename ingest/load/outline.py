"""Headings to sections: one implementation for every format that has headings."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from contracts.documents import Document, Section
from ingest.load.decode import storable
from ingest.load.tables import table

LONGEST_HEADING = 120
"""Characters. A heading is embedded with every chunk below it: a whole paragraph marked as one would fill them."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and where its line or lines stand in the text."""

    level: int
    title: str
    start: int
    end: int


def brief(text: str) -> str:
    """Return the text on one line, cut at a word within LONGEST_HEADING characters."""
    line = " ".join(text.split())
    if len(line) <= LONGEST_HEADING:
        return line
    return line[: LONGEST_HEADING - 1].rsplit(" ", 1)[0] + "…"


def stem_of(source: str) -> str:
    """Return the file's name without folders and extension, for documents that carry no title."""
    name = re.split(r"[/\\]", source.rstrip("/"))[-1]
    return brief(name.rsplit(".", 1)[0] or name)


def to_sections(text: str, headings: Sequence[Heading], title: str, start: int = 0) -> tuple[Section, ...]:
    """Return what stands under each heading, from `start` on.

    A heading line is in no section, because its words travel in the heading path of all that is below it;
    one with nothing below it is a section itself, so that its words are not lost. A first heading that
    repeats the title is left out of the paths.
    """
    first = headings[0].start if headings else len(text)
    sections = [Section(start, first)] if text[start:first].strip() else []
    path: list[Heading] = []
    for index, heading in enumerate(headings):
        end = headings[index + 1].start if index + 1 < len(headings) else len(text)
        path = [above for above in path if above.level < heading.level]
        outer = names(path, title)
        path.append(heading)
        if text[heading.end : end].strip():
            sections.append(Section(heading.end, end, names(path, title)))
        elif index + 1 == len(headings) or headings[index + 1].level <= heading.level:
            sections.append(Section(heading.start, heading.end, outer))
    return tuple(sections)


def names(path: Sequence[Heading], title: str) -> tuple[str, ...]:
    """Return the path's titles, without a first one that repeats the document's title."""
    titles = tuple(brief(heading.title) for heading in path if heading.title)
    return titles[1:] if titles[:1] == (title,) else titles


@dataclass(slots=True)
class Outline:
    """A text that is written block by block, the headings in it, and the pages that they stand on."""

    parts: list[str] = field(default_factory=list[str])
    headings: list[Heading] = field(default_factory=list[Heading])
    length: int = 0
    pages: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Where a page begins, and its number."""

    def page(self, number: int) -> None:
        """Begin a page that stands alone, such as a slide: no heading of the page before is open."""
        self.turn(number)
        self.label(0, "")

    def turn(self, number: int) -> None:
        """Begin a page of a text that runs on over pages, under the headings that are open."""
        self.pages.append((self.length, number))

    def block(self, text: str) -> None:
        """Append a paragraph, table or code block; blocks are parted by a blank line."""
        text = storable(text.strip("\n").rstrip())
        if text.strip():
            self.parts.append(f"{text}\n\n")
            self.length += len(text) + 2

    def heading(self, level: int, text: str) -> None:
        """Append a heading, written as in Markdown."""
        title = " ".join(text.split())
        if not title:
            return
        start = self.length
        self.block(f"{'#' * min(level, 6)} {title}")
        self.headings.append(Heading(level, storable(title), start, self.length - 2))

    def label(self, level: int, text: str) -> None:
        """Open a heading that is in the path of what follows but not in the text, such as a range of cells."""
        self.headings.append(Heading(level, storable(text), self.length, self.length))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Append a table; a long one keeps its header with its rows."""
        self.block(table(rows))

    def document(self, source: str, title: str = "") -> Document:
        """Return the document; its title is the given one, else the first heading, else the file's name."""
        text = "".join(self.parts).rstrip("\n")
        written = (heading.title for heading in self.headings if heading.end > heading.start)
        title = brief(storable(title)) or brief(next(written, stem_of(source)))
        sections = to_sections(text, self.headings, title)
        return Document(source, title, text, tuple(paged(text, sections, self.pages)))


def paged(text: str, sections: Sequence[Section], pages: Sequence[tuple[int, int]]) -> Iterator[Section]:
    """Yield the sections, cut where pages begin; those with nothing in them are left out."""
    starts = [start for start, _ in pages]
    for section in sections:
        inner = starts[bisect_right(starts, section.start) : bisect_left(starts, section.end)]
        for start, end in pairwise([section.start, *inner, section.end]):
            if text[start:end].strip():
                at = bisect_right(starts, start)
                page = pages[at - 1][1] if at else None
                yield replace(section, start=start, end=end, page=page)
