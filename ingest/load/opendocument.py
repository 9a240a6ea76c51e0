"""OpenDocument: texts (ODT), presentations (ODP, a slide is a page) and sheets (ODS), after OASIS ODF 1.3."""

from collections.abc import Iterator
from typing import Any, Final

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.grid import Cell, laid_out, number
from ingest.load.lists import Counter
from ingest.load.markup import attribute, child, children, descendants, local, parse_part, words
from ingest.load.outline import Outline, stem_of
from ingest.load.package import Package
from ingest.load.sheets import Sheet, spelled, write_sheet

MOST_REPEATED: Final = 1_000
"""Times that a row or cell with something in it is repeated; empty ones are only counted."""
PASSED_OVER: Final = frozenset(
    ("tracked-changes", "annotation", "annotation-end", "bookmark-ref", "sequence-decls")
)


def load_opendocument(data: bytes, source: str) -> Document:
    """Return the document; its title is the metadata's, else the first heading."""
    package = Package(data, source)
    require_open(package)
    root = parse_part(package, "content.xml")
    body = None if root is None else child(root, "body")
    if body is None:
        raise UnreadableDocument(f"{source} is a zip archive without an OpenDocument file in it.")
    meta = parse_part(package, "meta.xml")
    writer = Writer(numbered_styles(root))
    for content in body:
        if local(content) == "spreadsheet":
            for table in children(content, "table"):
                write_sheet(sheet_of(table), writer.outline)
        elif local(content) in ("presentation", "drawing"):
            writer.slides(content)
        else:
            writer.blocks(content)
    title = "" if meta is None else next((words(one) for one in descendants(meta, "title")), "")
    sheets = child(body, "spreadsheet") is not None
    return writer.outline.document(source, title or (stem_of(source) if sheets else ""))


def require_open(package: Package) -> None:
    """Raise UnreadableDocument for an encrypted file."""
    manifest = package.read("META-INF/manifest.xml") or b""
    if b"encryption-data" in manifest:
        raise UnreadableDocument(f"{package.source} is locked with a password: save a copy without one.")


def numbered_styles(root: Any) -> dict[tuple[str, int], bool]:
    """Return whether items are numbered, by list style and level from 1."""
    found: dict[tuple[str, int], bool] = {}
    for style in descendants(root, "list-style"):
        for level in style:
            at = number(attribute(level, "level"))
            found[attribute(style, "name") or "", at] = local(level) == "list-level-style-number"
    return found


class Writer:
    """Writes the blocks of a text or a slide into an outline."""

    def __init__(self, numbered: dict[tuple[str, int], bool]) -> None:
        self.outline = Outline()
        self.numbered = numbered

    def slides(self, content: Any) -> None:
        """Write each slide as a page: its title, what stands on it, its notes."""
        for at, page in enumerate(children(content, "page"), 1):
            self.outline.page(at)
            frames = list(page)
            titles = [one for one in frames if attribute(one, "class") == "title" and local(one) == "frame"]
            for frame in titles:
                self.outline.heading(1, " ".join(flow(one) for one in descendants(frame, "p")))
            for frame in frames:
                if frame not in titles and local(frame) != "notes":
                    self.blocks([frame])
            for notes in children(page, "notes"):
                said = [flow(one) for one in descendants(notes, "p")]
                text = "\n".join(line for line in said if line)
                self.outline.block(f"Notes: {text}" if text else "")

    def blocks(self, parent: Any) -> None:
        """Write paragraphs, headings, lists and tables in order; frames and sections are looked into."""
        for one in parent:
            name = local(one)
            if name in PASSED_OVER or not name:
                continue
            if name == "h":
                self.outline.heading(number(attribute(one, "outline-level")), flow(one))
            elif name == "p":
                self.paragraph(one)
            elif name == "list":
                self.outline.block("\n".join(self.items(one, 0, attribute(one, "style-name") or "")))
            elif name == "table":
                self.outline.table(laid_out(cells(row) for row in rows_of(one)))
            elif name in ("title", "desc", "event-listeners", "plugin", "object-ole", "image", "forms"):
                continue
            else:
                self.blocks(one)

    def paragraph(self, element: Any) -> None:
        """Write a paragraph, then what is anchored in it; a style called Title makes it a heading."""
        text, style = flow(element), attribute(element, "style-name") or ""
        if text and style in ("Title", "Subtitle"):
            self.outline.heading(1 if style == "Title" else 2, text)
        else:
            self.outline.block(text)
        for frame in descendants(element, "frame", "custom-shape"):
            self.blocks(
                inner for box in (frame, *descendants(frame, "text-box")) for inner in box if holds(inner)
            )

    def items(self, element: Any, depth: int, style: str) -> Iterator[str]:
        """Yield the lines of a list and of the lists in it."""
        counter = Counter()
        ordered = self.numbered.get((style, depth + 1), False)
        for item in children(element, "list-item", "list-header"):
            first = True
            for part in item:
                if local(part) == "list":
                    yield from self.items(part, min(depth + 1, 8), attribute(part, "style-name") or style)
                elif text := flow(part):
                    mark = counter.mark(depth, numbered=ordered) if first else "  "
                    first = False
                    yield f"{'  ' * depth}{mark}{text}"


def holds(element: Any) -> bool:
    """Tell whether an element of a frame is written text."""
    return local(element) in ("p", "h", "list", "table")


def rows_of(table: Any) -> Iterator[Any]:
    """Yield the rows, those in groups of rows as well."""
    for one in table:
        if local(one) == "table-row":
            yield one
        elif local(one) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from rows_of(one)


def cells(row: Any) -> list[Cell]:
    """Return a row's cells; what a merged one covers is left to it."""
    return [
        Cell(
            " ".join(text for text in inner_texts(cell) if text),
            number(attribute(cell, "number-columns-spanned")),
            number(attribute(cell, "number-rows-spanned")),
        )
        for cell in children(row, "table-cell")
        for _ in range(min(number(attribute(cell, "number-columns-repeated")), 50))
    ]


def inner_texts(cell: Any) -> Iterator[str]:
    """Yield the paragraphs of a cell, list items with their bullets."""
    for one in cell.iter():
        if local(one) in ("p", "h"):
            listed = local(one.getparent()) == "list-item"
            yield f"- {flow(one)}" if listed and flow(one) else flow(one)


def sheet_of(table: Any) -> Sheet:
    """Return a sheet's cells; runs of empty cells and rows, which fill it up to its edge, are only counted."""
    sheet, at = Sheet(attribute(table, "name") or "Sheet"), 0
    for row in rows_of(table):
        times = number(attribute(row, "number-rows-repeated"))
        found: dict[int, str] = {}
        column = 0
        for cell in children(row, "table-cell", "covered-table-cell"):
            across = number(attribute(cell, "number-columns-repeated"))
            text = value_of(cell) if local(cell) == "table-cell" else ""
            if text:
                found.update(dict.fromkeys(range(column, column + min(across, MOST_REPEATED)), text))
                wide = number(attribute(cell, "number-columns-spanned"))
                deep = number(attribute(cell, "number-rows-spanned"))
                if wide > 1 or deep > 1:
                    sheet.merged.append((at, column, at + deep - 1, column + wide - 1))
            column += across
        for again in range(min(times, MOST_REPEATED) if found else 0):
            sheet.cells.update({(at + again, column): text for column, text in found.items()})
        at += times
    return sheet


def value_of(cell: Any) -> str:
    """Return what a cell shows, else its value."""
    shown = " ".join(text for text in (flow(one) for one in children(cell, "p")) if text)
    if shown:
        return shown
    return spelled(attribute(cell, "date-value") or attribute(cell, "value") or "")


def flow(element: Any) -> str:
    """Return a paragraph's text on one line; notes stand in parentheses, what is anchored in it is left out."""
    return " ".join("".join(pieces(element)).split())


def pieces(element: Any) -> Iterator[str]:
    """Yield a paragraph's texts."""
    yield element.text or ""
    for one in element:
        name = local(one)
        if name in ("s", "tab", "line-break"):
            yield " "
        elif name == "note":
            body = child(one, "note-body")
            yield f" ({words(body)})" if body is not None else ""
        elif name and name not in PASSED_OVER and name not in ("frame", "custom-shape", "list", "ruby-text"):
            yield from pieces(one)
        yield one.tail or ""
