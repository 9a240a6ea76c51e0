"""XLSX: the sheets of a workbook, read from the XML without ever laying out a sheet's claimed size.

Not through calamine: it allocates the rectangle around all cells, which two cells can make seventeen billion places.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Final

import lxml.etree as etree

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.charts import chart_texts
from ingest.load.markup import attribute, child, children, descendants, local, parse_part, words
from ingest.load.outline import Outline, stem_of
from ingest.load.package import Package
from ingest.load.relations import Relation, relations_of, title_of
from ingest.load.sheets import Sheet, spelled, write_sheet

REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
DATES: Final = frozenset((*range(14, 23), *range(45, 48)))
"""Built-in number formats that are dates or times (ECMA-376 part 1, 18.8.30)."""
DATE: Final = re.compile(r"[ymdhs]", re.I)
LITERAL: Final = re.compile(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|\*.', re.I)
"""What a number format says literally; `[h]` is a span of hours and no literal."""


@dataclass(slots=True)
class Book:
    """What all sheets share."""

    package: Package
    strings: list[str] = field(default_factory=list[str])
    formats: list[str] = field(default_factory=list[str])
    """By style: `date`, `percent` or ""."""
    epoch: datetime = datetime(1899, 12, 30)


def load_workbook(data: bytes, source: str) -> Document:
    """Return the document; a section's headings name the sheet and the range."""
    package = Package(data, source)
    root = parse_part(package, "xl/workbook.xml")
    if root is None:
        raise UnreadableDocument(f"{source} is a zip archive without an Excel workbook in it.")
    properties = child(root, "workbookPr")
    book = Book(package, strings_of(package), formats_of(package))
    if properties is not None and attribute(properties, "date1904") in ("1", "true"):
        book.epoch = datetime(1904, 1, 1)
    relations = relations_of(package, "xl/workbook.xml")
    outline = Outline()
    for element in descendants(root, "sheet"):
        relation = relations.get(attribute(element, "id") or "")
        if relation is not None:
            write_sheet(sheet_of(book, element.get("name") or "Sheet", relation.target), outline)
    return outline.document(source, title_of(package) or stem_of(source))


def strings_of(package: Package) -> list[str]:
    """Return the strings that cells share; a reading aid above a character is left out."""
    root = parse_part(package, "xl/sharedStrings.xml")
    return [] if root is None else [rich(item) for item in children(root, "si")]


def rich(item: Any) -> str:
    """Return a string of one or several runs on one line."""
    texts = (
        inner.text or ""
        for part in item
        for inner in ([part] if local(part) == "t" else children(part, "t") if local(part) == "r" else [])
    )
    return " ".join("".join(texts).split())


def formats_of(package: Package) -> list[str]:
    """Return what each style makes of a number."""
    root = parse_part(package, "xl/styles.xml")
    if root is None:
        return []
    own = {one.get("numFmtId"): one.get("formatCode") or "" for one in descendants(root, "numFmt")}
    styles = child(root, "cellXfs")
    return (
        [] if styles is None else [kind_of(one.get("numFmtId") or "0", own) for one in children(styles, "xf")]
    )


def kind_of(id: str, own: dict[str | None, str]) -> str:
    """Return `date`, `percent` or "" for a number format."""
    code = LITERAL.sub("", own.get(id, "")).partition(";")[0]
    if (id.isdecimal() and int(id) in DATES) or (
        code and DATE.search(code) and "general" not in code.lower()
    ):
        return "date"
    return "percent" if id in ("9", "10") or "%" in code else ""


def sheet_of(book: Book, name: str, part: str) -> Sheet:
    """Read one sheet with its comments and charts."""
    sheet = Sheet(name)
    data = book.package.read(part)
    if data is not None:
        try:
            read_cells(book, data, sheet)
        except etree.XMLSyntaxError as cause:
            raise book.package.damaged() from cause
    sheet.notes = list(beside(book.package, part))
    return sheet


def read_cells(book: Book, data: bytes, sheet: Sheet) -> None:
    """Read the cells one by one; each element is dropped as soon as it was read."""
    events = etree.iterparse(
        BytesIO(data), events=("end",), tag=("{*}row", "{*}mergeCell"), resolve_entities=False,
        no_network=True, load_dtd=False, huge_tree=True,
    )  # fmt: skip
    last = -1
    for _, element in events:
        if local(element) == "mergeCell":
            corners = [place(corner) for corner in (element.get("ref") or "").split(":")]
            if len(corners) == 2 and corners[0] and corners[1]:
                sheet.merged.append((*corners[0], *corners[1]))
            continue
        number = element.get("r") or ""
        last = int(number) - 1 if number.isdecimal() else last + 1
        column = -1
        for cell in children(element, "c"):
            at = place(cell.get("r") or "")
            last, column = at or (last, column + 1)
            if text := value_of(book, cell):
                sheet.cells[last, column] = text
        element.clear(keep_tail=False)


def place(reference: str) -> tuple[int, int] | None:
    """Return row and column from 0, None for what is no reference."""
    found = REFERENCE.fullmatch(reference)
    if not found:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1


def value_of(book: Book, cell: Any) -> str:
    """Return what the cell shows; a formula that was never calculated is shown itself."""
    kind = cell.get("t") or "n"
    if kind == "inlineStr":
        return words(child(cell, "is"))
    value = child(cell, "v")
    if value is None or not value.text:
        formula = child(cell, "f")
        return f"={formula.text}" if formula is not None and formula.text else ""
    text = str(value.text)
    if kind == "s":
        return book.strings[int(text)] if text.isdecimal() and int(text) < len(book.strings) else ""
    if kind == "b":
        return spelled(text == "1")
    return number_of(book, text, cell.get("s") or "") if kind == "n" else spelled(text)


def number_of(book: Book, text: str, style: str) -> str:
    """Return a number as its format shows it: a date, a percentage, or as it is."""
    try:
        number = float(text)
    except ValueError:
        return text
    kind = book.formats[int(style)] if style.isdecimal() and int(style) < len(book.formats) else ""
    if kind == "date" and 0 <= number < 2_958_466:  # the year 10000
        moment = book.epoch + timedelta(seconds=round(number * 86_400))
        return f"{moment:%H:%M:%S}" if number < 1 else spelled(moment)
    return f"{number * 100:.10g}%" if kind == "percent" else spelled(number)


def beside(package: Package, part: str) -> Iterator[str]:
    """Yield the comments of a sheet and the data of its charts."""
    relations = relations_of(package, part)
    kinds = {relation.kind for relation in relations.values()}
    for relation in relations.values():
        if relation.kind == "threadedComment" or (
            relation.kind == "comments" and "threadedComment" not in kinds
        ):
            yield from comments(package, relation)
        elif relation.kind == "drawing":
            for inner in relations_of(package, relation.target).values():
                if inner.kind == "chart":
                    yield from chart_texts(package, inner.target)


def comments(package: Package, relation: Relation) -> Iterator[str]:
    """Yield each comment with who wrote it and the cell that it is about."""
    root = parse_part(package, relation.target)
    if root is None:
        return
    if relation.kind == "threadedComment":
        people = parse_part(package, "xl/persons/person.xml")
        names = {} if people is None else {one.get("id"): one.get("displayName") for one in people}
        for one in root:
            yield f"Comment by {names.get(one.get('personId')) or 'unknown'} on {one.get('ref')}: {words(one)}"
        return
    authors = [words(one) for one in descendants(root, "author")]
    for one in descendants(root, "comment"):
        at = one.get("authorId") or ""
        author = authors[int(at)] if at.isdecimal() and int(at) < len(authors) else "unknown"
        yield f"Comment by {author} on {one.get('ref')}: {words(child(one, 'text'))}"
