"""The structures of a Word 97 file ([MS-DOC]): pieces of text, and what each paragraph is.

Only what a reader sees is taken: text, styles that are headings, lists and tables. What names a section of [MS-DOC]
is found there.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from contracts.errors import UnreadableDocument

MAGIC: Final = 0xA5EC
ENCRYPTED, IN_TABLE_1 = 0x0100, 0x0200
STYLES, PARAGRAPHS, PIECES, LISTS, OVERRIDES = 1, 13, 33, 73, 74
"""Places in the list of what stands where (2.5.6, FibRgFcLcb97)."""
ISTD, IN_TABLE, ROW_END, LEVEL, LIST, OUTLINE, DEPTH = 0x4600, 0x2416, 0x2417, 0x260A, 0x460B, 0x2640, 0x6649
"""Properties of a paragraph (2.6.2)."""
SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
"""Bytes of a property's value by the kind in its number (2.2.5.1)."""
TABS, CELLS = 0xC615, 0xD608
TITLE: Final = 62
BULLET: Final = 23
MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Style:
    """A paragraph's properties as they differ from plain text."""

    heading: int = 0
    """Level from 1; 0 for none."""
    list: int = 0
    """Number of its list from 1; 0 for none."""
    level: int = 0
    cell: bool = False
    ends_row: bool = False


class Piece(NamedTuple):
    """A run of text that stands together in the file."""

    start: int
    """Character position of its first character."""
    end: int
    offset: int
    """Its place in the file."""
    narrow: bool
    """One byte a character rather than two."""


@dataclass(slots=True)
class WordFile:
    """The text of a file and its paragraphs' properties."""

    main: bytes
    table: bytes
    places: list[tuple[int, int]]
    """Offset and length of each structure in the table stream."""
    counts: tuple[int, ...]
    """Characters of the body, footnotes, headers, (nothing), comments, endnotes and text boxes."""
    pieces: list[Piece] = field(default_factory=list[Piece])
    headings: dict[int, int] = field(default_factory=dict[int, int])
    """Level by style."""
    numbered: dict[int, list[bool]] = field(default_factory=dict[int, list[bool]])
    """Whether each level of a list is numbered, by the list's number from 1."""
    listed: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    """List and level by style."""

    def part(self, place: int) -> bytes:
        """Return a structure's bytes."""
        offset, length = self.places[place] if place < len(self.places) else (0, 0)
        return self.table[offset : offset + length]

    def text(self, start: int, end: int) -> str:
        """Return the characters of a range."""
        found: list[str] = []
        for piece in self.pieces:
            first, last = max(start, piece.start), min(end, piece.end)
            if first < last:
                width = 1 if piece.narrow else 2
                at = piece.offset + (first - piece.start) * width
                raw = self.main[at : at + (last - first) * width]
                found.append(raw.decode("cp1252" if piece.narrow else "utf-16-le", "replace"))
        return "".join(found)

    def offset(self, character: int) -> int:
        """Return where a character stands in the file."""
        for piece in self.pieces:
            if piece.start <= character < piece.end:
                return piece.offset + (character - piece.start) * (1 if piece.narrow else 2)
        return 0


def open_word(main: bytes, tables: tuple[bytes, bytes], source: str) -> WordFile:
    """Return the file's structures. Raises UnreadableDocument for one that is locked, older or damaged."""
    if len(main) < 68 or struct.unpack_from("<H", main)[0] != MAGIC:
        raise UnreadableDocument(f"{source} is of a Word older than 97: save it as .docx.")
    flags = struct.unpack_from("<H", main, 10)[0]
    if flags & ENCRYPTED:
        raise UnreadableDocument(f"{source} is locked with a password: save a copy without one.")
    words = struct.unpack_from("<H", main, 32)[0]
    at = 34 + 2 * words
    longs = struct.unpack_from("<H", main, at)[0]
    counts = struct.unpack_from(f"<{longs}i", main, at + 2)[3:10]
    at += 2 + 4 * longs
    pairs = struct.unpack_from("<H", main, at)[0]
    flat = struct.unpack_from(f"<{2 * pairs}I", main, at + 2)
    places = list(zip(flat[::2], flat[1::2], strict=True))
    file = WordFile(main, tables[1 if flags & IN_TABLE_1 else 0], places, counts)
    file.pieces = list(pieces_of(file.part(PIECES)))
    if not file.pieces:
        raise UnreadableDocument(f"{source} is damaged: its text cannot be found.")
    file.headings = dict(headings_of(file.part(STYLES)))
    lists_of(file)
    return file


def pieces_of(clx: bytes) -> Iterator[Piece]:
    """Yield the pieces of text in order (2.8.35, 2.9.178)."""
    at = 0
    while at + 3 <= len(clx) and clx[at] == 1:
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    if at + 5 > len(clx) or clx[at] != 2:
        return
    size = struct.unpack_from("<I", clx, at + 1)[0]
    count = max(0, (min(size, len(clx) - at - 5) - 4) // 12)
    starts = struct.unpack_from(f"<{count + 1}I", clx, at + 5)
    for number in range(min(count, MOST)):
        raw = struct.unpack_from("<I", clx, at + 5 + 4 * (count + 1) + 8 * number + 2)[0]
        narrow, offset = bool(raw & 0x40000000), raw & 0x3FFFFFFF
        yield Piece(starts[number], starts[number + 1], offset // 2 if narrow else offset, narrow)


def headings_of(sheet: bytes) -> Iterator[tuple[int, int]]:
    """Yield style and level of the styles that are headings, or based on one, in any language (2.9.271)."""
    if len(sheet) < 6:
        return
    first, _, fixed = struct.unpack_from("<HHH", sheet)
    at, number = 2 + first, 0
    known: dict[int, tuple[int, int]] = {}
    """Heading level, and the style that it is based on, by style."""
    while at + 2 <= len(sheet) and number < 4096:
        size = struct.unpack_from("<H", sheet, at)[0]
        if size >= 4 and at + 2 + size <= len(sheet):
            known[number] = style_levels(sheet[at + 2 : at + 2 + size], fixed)
        at, number = at + 2 + size, number + 1
    for style in known:
        at, seen = style, set[int]()
        while at in known and at not in seen:
            seen.add(at)
            level, at = known[at]
            if level:
                yield style, level
                break


def style_levels(raw: bytes, fixed: int) -> tuple[int, int]:
    """Return a style's own heading level, 0 for none, and the style that it is based on (2.9.260)."""
    first, second = struct.unpack_from("<HH", raw)
    built_in, base = first & 0xFFF, second >> 4
    if 1 <= built_in <= 9 or built_in == TITLE:
        return (built_in if built_in != TITLE else 1), base
    if second & 0xF == 1 and fixed + 2 <= len(raw):
        at = fixed + 2 + 2 * struct.unpack_from("<H", raw, fixed)[0] + 2
        size = struct.unpack_from("<H", raw, at)[0] if at + 2 <= len(raw) else 0
        level = dict(settings(raw[at + 2 : at + 2 + size], 2)).get(OUTLINE, 9)
        if level < 9:
            return level + 1, base
    return 0, base


def lists_of(file: WordFile) -> None:
    """Note which lists are numbered, level by level, and which styles are items of one (2.9.147, 2.9.150)."""
    offset, length = file.places[LISTS] if len(file.places) > LISTS else (0, 0)
    table = file.table
    if length < 2:
        return
    count = min(struct.unpack_from("<H", table, offset)[0], 4096)
    at = offset + 2 + 28 * count
    kinds: dict[int, tuple[list[bool], tuple[int, ...]]] = {}
    for number in range(count):
        start = offset + 2 + 28 * number
        id, styles = struct.unpack_from("<i", table, start)[0], struct.unpack_from("<9H", table, start + 8)
        levels: list[bool] = []
        for _ in range(1 if table[start + 26] & 1 else 9):
            levels.append(table[at + 4] != BULLET)
            at += 28 + table[at + 24] + table[at + 25]
            at += 2 + 2 * struct.unpack_from("<H", table, at)[0]
        kinds[id] = levels, styles
    overrides = file.part(OVERRIDES)
    total = min(struct.unpack_from("<I", overrides)[0], 4096) if len(overrides) >= 4 else 0
    for number in range(1, total + 1):
        levels, styles = kinds.get(struct.unpack_from("<i", overrides, 4 + 16 * (number - 1))[0], ([], ()))
        file.numbered[number] = levels
        for level, style in enumerate(styles):
            if style != 0xFFF:
                file.listed.setdefault(style, (number, level))


def styles_of(file: WordFile) -> tuple[list[int], list[Style]]:
    """Return where in the file each run of paragraphs begins, in order, and what it is (2.8.7, 2.9.175)."""
    runs: dict[int, Style] = {}
    index = file.part(PARAGRAPHS)
    count = max(0, (len(index) - 4) // 8)
    for number in range(count):
        page = (struct.unpack_from("<I", index, 4 * (count + 1) + 4 * number)[0] & 0x3FFFFF) * 512
        block = file.main[page : page + 512]
        if len(block) < 512:
            continue
        total = min(block[511], 0x1D)
        for run in range(total):
            start = struct.unpack_from("<I", block, 4 * run)[0]
            at = 2 * block[4 * (total + 1) + 13 * run]
            runs[start] = style_of(file, properties(block, at)) if at else Style()
    starts = sorted(runs)
    return starts, [runs[start] for start in starts]


def properties(block: bytes, at: int) -> bytes:
    """Return the style's number and the properties of a run (2.9.176)."""
    size, skipped = (2 * block[at] - 1, 1) if block[at] else (2 * block[at + 1], 2)
    return block[at + skipped : at + skipped + size]


def style_of(file: WordFile, raw: bytes) -> Style:
    """Return what the properties come to."""
    if len(raw) < 2:
        return Style()
    found = {ISTD: struct.unpack_from("<H", raw)[0], **dict(settings(raw, 2))}
    heading = file.headings.get(found[ISTD], 0)
    if (outline := found.get(OUTLINE, 9)) < 9:
        heading = outline + 1
    listed, level = file.listed.get(found[ISTD], (0, 0))
    inside = bool(found.get(IN_TABLE)) or found.get(DEPTH, 0) > 0
    return Style(
        heading, found.get(LIST, listed), found.get(LEVEL, level), inside, inside and bool(found.get(ROW_END))
    )


def settings(raw: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Yield number and value of each property; values of more than four bytes are passed over."""
    while at + 2 <= len(raw):
        name = struct.unpack_from("<H", raw, at)[0]
        at += 2
        size = SIZES.get(name >> 13)
        if size is None:
            if at >= len(raw) or (name == TABS and raw[at] == 255):
                return
            size = (
                struct.unpack_from("<H", raw, at)[0] + 1
                if name == CELLS and at + 2 <= len(raw)
                else raw[at] + 1
            )
            at += size
            continue
        yield name, int.from_bytes(raw[at : at + size], "little")
        at += size


def style_at(starts: list[int], styles: list[Style], offset: int) -> Style:
    """Return the properties of what stands at a place in the file."""
    at = bisect_right(starts, offset) - 1
    return styles[at] if at >= 0 else Style()
