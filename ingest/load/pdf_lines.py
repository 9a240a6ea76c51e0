"""The lines of a PDF page as PDFium orders them, with where each stands, how large it is, and whether it is bold."""

import ctypes
import re
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ingest.load.decode import storable

HYPHENS: Final = "￾\x02"
"""What PDFium writes for a hyphen that only parts a word at the end of a line."""
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
BOLD: Final = re.compile(rb"bold|black|heavy|semibold|demi|cmbx|sfbx|-bd", re.I)
ALEFS: Final = frozenset("اأإآ")
LAM: Final = "ل"
GAP: Final = 1.1
"""Of a line's height: a wider space parts two cells; between words it is about a quarter."""
ARTIFACTS: Final = 100_000
"""Characters of one page, beyond which it is taken as it is, without its layout."""


class Cell(NamedTuple):
    """A run of text without a wide gap."""

    left: float
    right: float
    text: str


@dataclass(slots=True)
class Line:
    """One line of a page; lengths in points, from the page's lower left corner."""

    text: str
    left: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0
    size: float = 0.0
    """Height of the font's box."""
    bold: bool = False
    broken: bool = False
    """It ends in the middle of a word."""
    cells: tuple[Cell, ...] = ()


class Character(NamedTuple):
    """A character and its box; a space that PDFium made up has none."""

    text: str
    left: float
    right: float
    bottom: float
    top: float


def lines_of(page: pdfium.PdfPage) -> list[Line]:
    """Return the page's lines in reading order."""
    text_page = page.get_textpage()
    try:
        count = text_page.count_chars()
        if count > ARTIFACTS:
            raw = CONTROLS.sub(" ", text_page.get_text_range().replace("\r", ""))
            return [Line(storable(row)) for row in raw.split("\n")]
        return [line_of(text_page.raw, first, row) for first, row in rows_of(text_page.raw, count) if row]
    finally:
        text_page.close()


def rows_of(text_page: Any, count: int) -> list[tuple[int, list[Character]]]:
    """Return the characters of each line, and the index of its first one."""
    rows: list[tuple[int, list[Character]]] = []
    row: list[Character] = []
    box = pdfium_c.FS_RECTF()
    place = ctypes.byref(box)
    for at in range(count):
        code = pdfium_c.FPDFText_GetUnicode(text_page, at)
        text = chr(code) if code < 0x110000 else ""
        if text in "\r\n":
            if row:
                rows.append((at - len(row), row))
            row = []
        elif text:
            known = pdfium_c.FPDFText_GetLooseCharBox(text_page, at, place)
            row.append(
                Character(text, box.left, box.right, box.bottom, box.top)
                if known
                else Character(text, 0.0, 0.0, 0.0, 0.0)
            )
    if row:
        rows.append((count - len(row), row))
    return rows


def line_of(text_page: Any, first: int, row: list[Character]) -> Line:
    """Return the line that some characters make."""
    row = untwisted(row)
    text = "".join(one.text for one in row)
    placed = [one for one in row if one.right > one.left and not one.text.isspace()]
    if not placed:
        return Line(cleaned(text))
    size = median(one.top - one.bottom for one in placed)
    middle = first + len(row) // 2
    return Line(
        cleaned(text),
        min(one.left for one in placed),
        max(one.right for one in placed),
        max(one.top for one in placed),
        min(one.bottom for one in placed),
        size,
        is_bold(text_page, middle),
        text.rstrip()[-1:] in HYPHENS,
        tuple(cells_of(row, size)),
    )


def untwisted(row: list[Character]) -> list[Character]:
    """Return the characters with Arabic ligatures of lam and alef in their order.

    PDFium turns a line of Arabic around, and with it the two characters of one glyph, which have one box.
    """
    fixed = list(row)
    for at in range(len(row) - 1):
        one, two = row[at], row[at + 1]
        if two.text == LAM and one.text in ALEFS and one.left == two.left and one.right == two.right:
            fixed[at], fixed[at + 1] = two, one
    return fixed


def cleaned(text: str) -> str:
    """Return a line's text without what only lays it out."""
    for hyphen in HYPHENS:
        text = text.replace(hyphen, "")
    return storable(CONTROLS.sub(" ", text)).strip()


def cells_of(row: list[Character], size: float) -> list[Cell]:
    """Return the runs of a line that wide gaps part, from left to right; one for a line that runs backwards."""
    cells: list[Cell] = []
    run: list[Character] = []
    edge = row[0].right
    for one in row:
        if one.text.isspace() or one.right <= one.left:
            run.append(one)
            continue
        if run and one.left < edge - 5 * size:
            return []
        if run and one.left > edge + GAP * size:
            cells.append(cell_of(run))
            run = []
        run.append(one)
        edge = one.right
    return [*cells, cell_of(run)] if run else cells


def cell_of(run: list[Character]) -> Cell:
    """Return what a run of characters says."""
    placed = [one for one in run if one.right > one.left]
    text = cleaned("".join(one.text for one in run))
    if not placed:
        return Cell(0.0, 0.0, text)
    return Cell(min(one.left for one in placed), max(one.right for one in placed), text)


def is_bold(text_page: Any, at: int) -> bool:
    """Tell whether a character's font is bold, by its weight or its name."""
    if pdfium_c.FPDFText_GetFontWeight(text_page, at) >= 600:
        return True
    name, flags = ctypes.create_string_buffer(120), ctypes.c_int()
    size = pdfium_c.FPDFText_GetFontInfo(text_page, at, name, 120, ctypes.byref(flags))
    return bool(size and BOLD.search(name.value))
