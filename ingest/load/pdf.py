"""PDF through PDFium: pages with their headings, paragraphs and tables; scanned pages by OCR where it is installed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.decode import storable
from ingest.load.ocr import HOW, Clock, installed, read_pixels
from ingest.load.outline import Outline, brief, stem_of
from ingest.load.pdf_layout import Block, Scale, blocks_of, body, margins, plausible, scale_of
from ingest.load.pdf_lines import Line, lines_of

MOST_BOOKMARKS: Final = 2000
DPI: Final = 200
LARGEST_SIDE: Final = 2_000
"""Pixels of a rendered page: the engine makes what is larger smaller again."""

Mark = tuple[int, int, str]
"""Page index, level from 1 and title of a bookmark."""


def load_pdf(data: bytes, source: str) -> Document:
    """Return the document; its title is the metadata's, else the file's name. Its notes name the pages not read.

    Raises UnreadableDocument for a locked or damaged file and for one without any text.
    """
    with open_pdf(data, source) as pdf:
        pages = [page_lines(pdf, index) for index in range(len(pdf))]
        empty = [index for index, page in enumerate(pages) if not any(line.text for line in page)]
        scanned = [index for index in empty if has_picture(pdf, index)]
        read = dict(ocr_pages(pdf, scanned)) if scanned and installed() else {}
        title = brief(storable(pdf.get_metadata_dict().get("Title", "").strip("\0 ")))
        marks = list(bookmarks(pdf))
    if len(empty) == len(pages) and not any(read.values()):
        raise UnreadableDocument(without_text(source, len(pages), scanned=bool(scanned)))
    outline = Outline()
    Writer(outline, marks, title or stem_of(source)).write(pages, read)
    document = outline.document(source, title or stem_of(source))
    return replace(
        document, notes=tuple(notes(source, [index for index in scanned if not read.get(index)], read))
    )


def without_text(source: str, pages: int, *, scanned: bool) -> str:
    """Return the sentence for a file of which no page gave any text."""
    count = f"{pages} page{'s' if pages > 1 else ''}"
    if not scanned:
        return f"{source} has no text layer, nor any image: {count} without a word."
    if installed():
        return f"{source} has no text layer ({count} of images), and OCR finds no text in it."
    return f"{source} has no text layer ({count} of images): {HOW}, then ingest it again."


def notes(source: str, missing: Sequence[int], read: dict[int, str]) -> Iterator[str]:
    """Yield the sentence about scanned pages that were not read."""
    if not missing:
        return
    tried = [index for index in missing if index in read]
    late = [index for index in missing if index not in read]
    if tried:
        yield f"{source}: {named(tried)} of images, in which OCR finds no text."
    if late:
        why = "its time for OCR was over" if installed() else HOW
        yield f"{source}: {named(late)} of images, not read: {why}."


def named(pages: Sequence[int]) -> str:
    """Return `page 3 is` or `pages 1-4, 7 are`."""
    runs: list[tuple[int, int]] = []
    for page in (index + 1 for index in pages):
        if runs and runs[-1][1] == page - 1:
            runs[-1] = (runs[-1][0], page)
        else:
            runs.append((page, page))
    said = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
    return f"page {said} is" if len(pages) == 1 else f"pages {said} are"


def open_pdf(data: bytes, source: str) -> pdfium.PdfDocument:
    """Open the file; an empty user password counts as none."""
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as cause:
        if cause.err_code == pdfium_c.FPDF_ERR_PASSWORD:
            raise UnreadableDocument(
                f"{source} is locked with a password: save a copy without one, then ingest that."
            ) from cause
        raise UnreadableDocument(f"{source} is damaged: PDFium cannot open it as a PDF.") from cause


def page_lines(pdf: pdfium.PdfDocument, index: int) -> list[Line]:
    """Return one page's lines; none for a damaged page, so that the others are read."""
    try:
        page = pdf[index]
        try:
            return lines_of(page)
        finally:
            page.close()
    except pdfium.PdfiumError:
        return []


def has_picture(pdf: pdfium.PdfDocument, index: int) -> bool:
    """Tell whether a page shows an image."""
    try:
        page = pdf[index]
        try:
            return any(True for _ in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=4))
        finally:
            page.close()
    except pdfium.PdfiumError:
        return False


def ocr_pages(pdf: pdfium.PdfDocument, pages: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield the text of scanned pages while there is time."""
    clock = Clock()
    for index in pages:
        if clock.over():
            return
        page = pdf[index]
        try:
            scale = min(DPI / 72, LARGEST_SIDE / max(*page.get_size(), 1))
            picture = page.render(scale=scale)  # pyright: ignore[reportArgumentType] - its type says int, it takes both
            yield index, storable(read_pixels(picture.to_numpy()))
        except pdfium.PdfiumError:
            yield index, ""
        finally:
            page.close()


def bookmarks(pdf: pdfium.PdfDocument) -> Iterator[Mark]:
    """Yield the outline in its order."""
    for number, mark in enumerate(pdf.get_toc(max_depth=6)):
        if number >= MOST_BOOKMARKS:
            return
        target = mark.get_dest()
        page = target.get_index() if target else None
        title = brief(storable(mark.get_title()))
        if page is not None and title:
            yield page, mark.level + 1, title


class Writer:
    """Writes pages into an outline; where the file has bookmarks, they say what is a heading and of which level."""

    def __init__(self, outline: Outline, marks: Sequence[Mark], title: str) -> None:
        self.outline = outline
        self.marks = marks
        self.title = title

    def write(self, pages: Sequence[Sequence[Line]], read: dict[int, str]) -> None:
        """Write all pages; `read` is what OCR found on some."""
        repeated, scale = margins(pages), scale_of(pages)
        for index, page in enumerate(pages):
            self.outline.turn(index + 1)
            if index in read:
                self.outline.block(read[index])
            elif any(line.text for line in page):
                self.page(index, [line for line in body(page, repeated) if line.text], scale)

    def page(self, index: int, lines: Sequence[Line], scale: Scale) -> None:
        """Write one page."""
        marks = [(level, title) for at, level, title in self.marks if at == index]
        for block in plausible(blocks_of(lines, scale)):
            if block.rows:
                self.outline.table(block.rows)
                continue
            found = next((mark for mark in marks if begins(block.text, mark[1])), None)
            if found is not None:
                marks.remove(found)
                self.marked(block, *found)
            elif block.level:
                self.outline.heading(block.level, block.text)
            else:
                self.outline.block(block.text)

    def marked(self, block: Block, level: int, title: str) -> None:
        """Write a block that a bookmark's title begins."""
        if len(block.text) <= len(title) + 12:
            self.outline.heading(level, block.text)
        else:
            self.outline.label(level, title)
            self.outline.block(block.text)


def begins(text: str, title: str) -> bool:
    """Tell whether a text begins with a title, numbering before it allowed."""
    words = r"\s+".join(re.escape(word) for word in title.split())
    return bool(re.match(rf"[\dIVXA-Z.]*\s*(?:{words})", text, re.I))
