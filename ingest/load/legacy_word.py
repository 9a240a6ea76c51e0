"""DOC (Word 97 to 2003): headings, paragraphs, lists, tables, footnotes and text boxes, read from the binary itself.

There is no well-kept Python parser of it; antiword and catdoc, which others call, lose headings, lists and tables.
"""

import re
from collections.abc import Iterator
from typing import Final

from contracts.documents import Document
from ingest.load.compound import opened, stream_of, title_of
from ingest.load.lists import Counter
from ingest.load.outline import Outline
from ingest.load.word_binary import Style, WordFile, open_word, style_at, styles_of

CELL: Final = "\x07"
PARTS: Final = re.compile(r"[^\r\x07\x0c]*[\r\x07\x0c]?")
SPELLED: Final = str.maketrans({"\x0b": "\n", "\x1e": "-", "\x1f": None, "\xa0": " ", "\x0e": "\n"})
CONTROLS: Final = re.compile(r"[\x00-\x08\x0c\x0e-\x1f]")


def load_legacy_word(data: bytes, source: str) -> Document:
    """Return the document; its title is the metadata's, else the first heading."""
    with opened(data, source) as file:
        main = stream_of(file, "WordDocument")
        tables = (stream_of(file, "0Table"), stream_of(file, "1Table"))
        title = title_of(file)
    writer = Writer(open_word(main, tables, source))
    writer.write()
    return writer.outline.document(source, title)


class Writer:
    """Writes the paragraphs of a file into an outline."""

    def __init__(self, file: WordFile) -> None:
        self.file = file
        self.outline = Outline()
        self.items: list[str] = []
        self.counters: dict[int, Counter] = {}
        self.rows: list[list[str]] = []
        self.row: list[str] = []
        self.cell: list[str] = []

    def write(self) -> None:
        """Write the body, then footnotes, endnotes and text boxes; headers and comments are left out."""
        body, notes, headers, macros, comments, endnotes, boxes = (*self.file.counts, *[0] * 7)[:7]
        self.paragraphs(0, body)
        self.flush()
        at = body + notes + headers + macros + comments
        for start, length in ((body, notes), (at, endnotes), (at + endnotes, boxes)):
            for text, _ in paragraphs(self.file, start, start + length):
                self.outline.block(text)

    def paragraphs(self, start: int, end: int) -> None:
        """Write what stands in a range of the text."""
        for text, style in paragraphs(self.file, start, end):
            if style.cell:
                self.in_table(text, style)
                continue
            self.end_table()
            if style.list and text and not style.heading:
                self.item(text, style)
                continue
            self.end_list()
            if style.heading:
                self.outline.heading(style.heading, text)
            else:
                self.outline.block(text)

    def in_table(self, text: str, style: Style) -> None:
        """Add a paragraph to the cell; its mark ends the cell or the row."""
        self.end_list()
        if style.ends_row:
            self.rows.append(self.row)
            self.row, self.cell = [], []
            return
        self.cell.append(text.rstrip(CELL))
        if text.endswith(CELL):
            self.row.append(" ".join(part for part in self.cell if part))
            self.cell = []

    def item(self, text: str, style: Style) -> None:
        """Add an item to the list; a list that goes on later goes on counting."""
        levels = self.file.numbered.get(style.list, [])
        numbered = style.level < len(levels) and levels[style.level]
        counter = self.counters.setdefault(style.list, Counter())
        self.items.append(f"{'  ' * style.level}{counter.mark(style.level, numbered=numbered)}{text}")

    def flush(self) -> None:
        """End the running list or table."""
        self.end_list()
        self.end_table()

    def end_list(self) -> None:
        self.outline.block("\n".join(self.items))
        self.items = []

    def end_table(self) -> None:
        if self.row or self.cell:
            self.rows.append([*self.row, " ".join(self.cell)])
        self.outline.table(self.rows)
        self.rows, self.row, self.cell = [], [], []


def paragraphs(file: WordFile, start: int, end: int) -> Iterator[tuple[str, Style]]:
    """Yield each paragraph with what it is; in a table its text ends with the mark of a cell where it ends one."""
    starts, styles = styles_of(file)
    at, open_fields = start, list[bool]()
    """Of each field that is open: whether its instruction is over and its result is read."""
    for part in PARTS.findall(file.text(start, end)):
        if not part:
            continue
        mark = at + len(part) - 1
        style = style_at(starts, styles, file.offset(mark))
        text = " ".join(shown(part, open_fields).split())
        at += len(part)
        if text or style.cell:
            yield (text + CELL if part.endswith(CELL) and style.cell else text), style


def shown(text: str, fields: list[bool]) -> str:
    """Return what is shown: a field's result rather than its instruction, no marks of pictures and notes."""
    found: list[str] = []
    for character in text:
        if character == "\x13":
            fields.append(False)
        elif character == "\x14" and fields:
            fields[-1] = True
        elif character == "\x15" and fields:
            fields.pop()
        elif all(fields):
            found.append(character)
    return CONTROLS.sub("", "".join(found).translate(SPELLED))
