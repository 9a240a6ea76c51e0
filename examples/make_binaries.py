"""Write the handbook's DOCX and PDF documents from the plain sources in examples/source.

Run it after changing a source; the results are committed, because readers of a handbook do not build it. It needs
reportlab, which the project itself does not:

    uv run --no-project --with reportlab --with python-docx python examples/make_binaries.py

A source knows `#` and `##` headings, `-` lists, `|` tables (the first row is the head), `---` for a new page, and one
paragraph a line. The same source gives the same bytes: dates in the files are fixed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from docx import Document
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import cm
from reportlab.platypus import (
    Flowable,
    ListFlowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

HERE = Path(__file__).parent
FIXED = datetime(2026, 3, 2, 9, 0)
DOCX = ("parental-leave", "customer-refunds")
PDF = ("expenses-and-travel",)
GRID = [("GRID", (0, 0), (-1, -1), 0.5, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke)]

Block = tuple[str, list[str]]


def kind_of(line: str) -> str:
    """Return what a source line is: page, section, title, item, row or text."""
    marks = {"---": "page", "## ": "section", "# ": "title", "- ": "item", "| ": "row"}
    return next((kind for mark, kind in marks.items() if line.startswith(mark)), "text")


def blocks_of(source: str) -> Iterator[Block]:
    """Yield the blocks in order: items and rows that follow each other are one block, any other line is its own."""
    for kind, lines in groupby(filter(None, source.splitlines()), kind_of):
        found = [line.lstrip("#-| ").rstrip("| ") for line in lines]
        if kind in ("item", "row"):
            yield kind, found
        else:
            yield from ((kind, [line]) for line in found)


def cells_of(rows: list[str]) -> list[list[str]]:
    """Split table rows into their cells."""
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def add_to_docx(document: Any, kind: str, lines: list[str]) -> None:
    """Append one block to a Word document."""
    if kind == "row":
        cells = cells_of(lines)
        table = document.add_table(len(cells), len(cells[0]), style="Light Grid Accent 1")
        for row, values in zip(table.rows, cells, strict=True):
            for cell, value in zip(row.cells, values, strict=True):
                cell.text = value
    elif kind == "page":
        document.add_page_break()
    elif kind in ("title", "section"):
        document.add_heading(lines[0], level=1 if kind == "title" else 2)
    else:
        for line in lines:
            document.add_paragraph(line, style="List Bullet" if kind == "item" else None)


def to_docx(title: str, source: str) -> bytes:
    """Return the source as a Word document."""
    document = Document()
    about = document.core_properties
    about.title, about.author, about.comments = title, "Halden Greenworks", ""
    about.created = about.modified = FIXED
    for kind, lines in blocks_of(source):
        add_to_docx(document, kind, lines)
    raw = io.BytesIO()
    document.save(raw)
    return with_fixed_times(raw)


def with_fixed_times(raw: io.BytesIO) -> bytes:
    """Return the same zip file with every member dated FIXED."""
    result = io.BytesIO()
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(
                zipfile.ZipInfo(member.filename, FIXED.timetuple()[:6]),
                old.read(member),
                zipfile.ZIP_DEFLATED,
            )
    return result.getvalue()


def to_flowables(kind: str, lines: list[str]) -> list[Flowable]:
    """Return one block as parts of a PDF page."""
    styles = getSampleStyleSheet()
    name = {"title": "Heading1", "section": "Heading2"}.get(kind, "BodyText")
    texts = [Paragraph(escape(line), styles[name]) for line in lines]
    if kind == "page":
        return [PageBreak()]
    if kind == "item":
        return [ListFlowable(texts, bulletType="bullet")]
    if kind == "row":
        return [Table(cells_of(lines), style=GRID, hAlign="LEFT"), Spacer(1, 8)]
    return list(texts)


def draw_footer(title: str, canvas: Any, page: Any) -> None:
    """Draw company, title and page number at the foot of a page."""
    canvas.setFont("Helvetica", 8)
    canvas.drawString(2 * cm, 1.2 * cm, f"Halden Greenworks handbook: {title}, page {page.page}")


def to_pdf(title: str, source: str) -> bytes:
    """Return the source as a PDF with a footer on each page."""
    raw = io.BytesIO()
    page = SimpleDocTemplate(raw, pagesize=A4, title=title, author="Halden Greenworks", invariant=1)
    footer = partial(draw_footer, title)
    parts = [part for block in blocks_of(source) for part in to_flowables(*block)]
    page.build(parts, onFirstPage=footer, onLaterPages=footer)
    return raw.getvalue()


def main() -> None:
    """Write every document that is named above into the handbook."""
    for names, ending, convert in ((DOCX, "docx", to_docx), (PDF, "pdf", to_pdf)):
        for name in names:
            source = (HERE / "source" / f"{name}.md").read_text(encoding="utf-8")
            title = source.splitlines()[0].removeprefix("# ")
            (HERE / "handbook" / f"{name}.{ending}").write_bytes(convert(title, source))


if __name__ == "__main__":
    main()
