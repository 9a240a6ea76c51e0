"""XLS and XLSB: binary workbooks through calamine, written as the sheets of today's format are."""

import io

import python_calamine as calamine

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.outline import Outline, stem_of
from ingest.load.sheets import Sheet, spelled, write_sheet


def load_legacy_sheets(data: bytes, source: str) -> Document:
    """Return the document; a section's headings name the sheet and the range."""
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except calamine.PasswordError as cause:
        raise UnreadableDocument(f"{source} is locked with a password: save a copy without one.") from cause
    except calamine.CalamineError as cause:
        raise UnreadableDocument(f"{source} is damaged: it cannot be read as an Excel workbook.") from cause
    outline = Outline()
    with book:
        for name in book.sheet_names:
            try:
                write_sheet(sheet_of(book, name), outline)
            except calamine.WorksheetNotFound:  # a chart or a macro sheet has no cells
                continue
    return outline.document(source, stem_of(source))


def sheet_of(book: calamine.CalamineWorkbook, name: str) -> Sheet:
    """Return a sheet's cells; rows are asked for one by one, from the first that holds something."""
    found, sheet = book.get_sheet_by_name(name), Sheet(name)
    for number, row in enumerate(found.iter_rows()):
        for column, value in enumerate(row):
            if text := spelled(value):
                sheet.cells[number, column] = text
    sheet.merged = [(*first, *last) for first, last in found.merged_cell_ranges or ()]
    return sheet
