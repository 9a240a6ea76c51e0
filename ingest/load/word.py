"""DOCX: headings, paragraphs, lists, tables, code, notes, equations and charts, read from the XML by local names.

Not through python-docx: that refuses Strict OOXML and passes over content controls and text boxes.
"""

from collections.abc import Iterator
from typing import Any, Final

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.charts import chart_texts
from ingest.load.equations import to_latex
from ingest.load.grid import Cell, laid_out, number
from ingest.load.markup import attribute, child, children, descendants, local, parse_part, words
from ingest.load.outline import Outline
from ingest.load.package import Package
from ingest.load.relations import relations_of, title_of
from ingest.load.word_styles import Numbering, Style, numbering_of, styles_of, value

MAIN: Final = "word/document.xml"
SPELLED: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
PASSED_OVER: Final = frozenset(
    (
        "Fallback",
        "del",
        "moveFrom",
        "rPr",
        "pPr",
        "instrText",
        "delText",
        "txbxContent",
        "sdtPr",
        "posOffset",
        "align",
    )
)
WRAPPERS: Final = frozenset(
    ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice")
)
BOXES: Final = {"☐": "[ ]", "☒": "[x]", "☑": "[x]"}
NOTES: Final = {"footnoteReference": "word/footnotes.xml", "endnoteReference": "word/endnotes.xml"}


def load_word(data: bytes, source: str) -> Document:
    """Return the document; its title is the metadata's, else the first heading."""
    package = Package(data, source)
    main = main_part(package)
    body = parse_part(package, main)
    if body is None:
        raise UnreadableDocument(f"{source} is a zip archive without a Word document in it.")
    styles = styles_of(parse_part(package, "word/styles.xml"))
    writer = Writer(package, main, styles, numbering_of(parse_part(package, "word/numbering.xml")))
    writer.blocks(next((part for part in body if local(part) == "body"), body))
    return writer.outline.document(source, title_of(package))


def main_part(package: Package) -> str:
    """Return the part that holds the document's body: some programs give it a name of their own."""
    root = parse_part(package, "_rels/.rels")
    relations = [] if root is None else list(root)
    found = [
        one.get("Target") or "" for one in relations if (one.get("Type") or "").endswith("/officeDocument")
    ]
    return next((target.lstrip("/") for target in found if target), MAIN)


class Writer:
    """Writes the blocks of a body into an outline."""

    def __init__(self, package: Package, main: str, styles: dict[str, Style], numbering: Numbering) -> None:
        self.package = package
        self.outline = Outline()
        self.styles = styles
        self.numbering = numbering
        self.relations = relations_of(package, main)
        self.notes: dict[str, dict[str, str]] = {}
        self.items: list[str] = []
        self.code: list[str] = []

    def blocks(self, parent: Any) -> None:
        """Write the paragraphs and tables; an item of a list waits for the rest of it."""
        for block in flatten(parent):
            if local(block) == "tbl":
                self.end()
                self.outline.table(laid_out(spanning([list(self.cells(row)) for row in rows(block)])))
            elif local(block) == "oMathPara":
                self.end()
                self.outline.block(self.text(block))
            else:
                self.paragraph(block)
        self.end()

    def paragraph(self, element: Any) -> None:
        """Write one paragraph as what it is: a heading, an item of a list, code, or text."""
        style = self.styles.get(value(element, "pPr", "pStyle") or "", Style())
        raw = self.text(element)
        text = raw.strip()
        level = self.heading(element, style)
        listed, depth = self.listed(element, style)
        if style.code and raw.strip():
            self.end_list()
            self.code.append(raw.rstrip())
        elif text and level:
            self.end()
            mark = self.numbering.mark(listed, depth) if listed else ""
            self.outline.heading(level, f"{'' if mark == '- ' else mark}{text}")
        elif text and listed:
            self.end_code()
            self.items.append(f"{'  ' * min(depth, 8)}{self.numbering.mark(listed, depth) or '- '}{text}")
        elif text:
            self.end()
            self.outline.block(text)
        self.anchored(element)

    def heading(self, element: Any, style: Style) -> int:
        """Return the heading level, from 1; 0 for what is no heading."""
        own = value(element, "pPr", "outlineLvl")
        if own is not None and own.isdecimal():
            return int(own) + 1 if int(own) < 9 else 0
        return style.heading

    def listed(self, element: Any, style: Style) -> tuple[str, int]:
        """Return the list that the paragraph is an item of, "" for none, and its level."""
        own, level = value(element, "pPr", "numPr", "numId"), value(element, "pPr", "numPr", "ilvl")
        if own == "0":
            return "", 0
        if own is None and not style.list and (value(element, "pPr", "pStyle") or "").startswith("List"):
            return "bullets", 0
        return own or style.list or ("bullets" if level is not None else ""), number(level, style.level)

    def anchored(self, element: Any) -> None:
        """Write what is anchored in a paragraph: text boxes and charts."""
        for box in boxes(element):
            self.blocks(box)
        for chart in descendants(element, "chart"):
            relation = self.relations.get(attribute(chart, "id") or "")
            if relation is not None and relation.kind == "chart":
                self.end()
                for text in chart_texts(self.package, relation.target):
                    self.outline.block(text)

    def end(self) -> None:
        """Write what waits."""
        self.end_list()
        self.end_code()

    def end_list(self) -> None:
        """Write the items that wait, as one block."""
        self.outline.block("\n".join(self.items))
        self.items = []

    def end_code(self) -> None:
        """Write the lines of code that wait, as one block."""
        if self.code:
            self.outline.block("\n".join(["```", *self.code, "```"]))
        self.code = []

    def cells(self, row: Any) -> Iterator[tuple[str, int, str | None]]:
        """Yield text, columns and `vMerge` of a row's cells; a nested table's cells run on in their cell."""
        for one in row:
            if local(one) == "tc":
                text = " ".join(self.cell_lines(one))
                yield text, number(value(one, "tcPr", "gridSpan")), merge(one)
            elif local(one) in WRAPPERS:
                yield from self.cells(one)

    def cell_lines(self, cell: Any) -> Iterator[str]:
        """Yield a cell's paragraphs on one line each, items with their marks."""
        for one in descendants(cell, "p"):
            text = " ".join(self.text(one).split())
            listed, depth = self.listed(one, self.styles.get(value(one, "pPr", "pStyle") or "", Style()))
            if text:
                yield f"{self.numbering.mark(listed, depth) if listed else ''}{text}"

    def text(self, element: Any) -> str:
        """Return a paragraph's text: no deleted text, no field codes, no text boxes; notes in parentheses."""
        found: list[str] = []
        for one in element:
            name = local(one)
            if name == "t":
                found.append(one.text or "")
            elif name in SPELLED:
                found.append(SPELLED[name])
            elif name == "oMathPara":
                found.extend(f"$${to_latex(math).strip()}$$\n" for math in children(one, "oMath"))
            elif name == "oMath":
                found.append(f"${to_latex(one).strip()}$")
            elif name in NOTES:
                found.append(self.note(name, attribute(one, "id") or ""))
            elif name == "sdt" and child(one, "sdtPr", "checkbox") is not None:
                found.append(BOXES.get(words(child(one, "sdtContent")), "[ ]"))
            elif name not in PASSED_OVER:
                found.append(self.text(one))
        return "".join(found)

    def note(self, kind: str, id: str) -> str:
        """Return a footnote or endnote."""
        if kind not in self.notes:
            root = parse_part(self.package, NOTES[kind])
            self.notes[kind] = (
                {} if root is None else {attribute(one, "id") or "": words(one) for one in root}
            )
        text = self.notes[kind].get(id, "")
        return f" ({text})" if text else ""


def flatten(parent: Any) -> Iterator[Any]:
    """Yield the paragraphs and tables of a body or cell, inside of content controls as well."""
    for one in parent:
        name = local(one)
        if name in ("p", "tbl", "oMathPara"):
            yield one
        elif name in WRAPPERS:
            yield from flatten(one)


def rows(table: Any) -> Iterator[Any]:
    """Yield the rows, inside of content controls as well."""
    for one in table:
        if local(one) == "tr":
            yield one
        elif local(one) in WRAPPERS:
            yield from rows(one)


def merge(cell: Any) -> str | None:
    """Return `restart` where a merged cell begins, `continue` where it goes on, None for a cell of its own."""
    found = value(cell, "tcPr", "vMerge")
    return found if found in (None, "restart") else "continue"


def spanning(table: list[list[tuple[str, int, str | None]]]) -> list[list[Cell]]:
    """Return the rows with each cell as far down as it is merged; the places below it are left to it."""
    columns = [dict(placed(row)) for row in table]
    found: list[list[Cell]] = []
    for at, row in enumerate(columns):
        cells: list[Cell] = []
        for column, (text, across, kind) in row.items():
            if kind == "continue" and at and column in columns[at - 1]:
                continue
            below = at + 1
            while below < len(columns) and columns[below].get(column, ("", 0, None))[2] == "continue":
                below += 1
            cells.append(Cell(text, across, below - at if kind == "restart" or below > at + 1 else 1))
        found.append(cells)
    return found


def placed(row: list[tuple[str, int, str | None]]) -> Iterator[tuple[int, tuple[str, int, str | None]]]:
    """Yield each cell with the column at which it begins."""
    column = 0
    for cell in row:
        yield column, cell
        column += max(cell[1], 1)


def boxes(element: Any) -> Iterator[Any]:
    """Yield the text boxes in a paragraph, once each: Word repeats them as a fallback."""
    for one in element:
        name = local(one)
        if name == "txbxContent":
            yield one
        elif name != "Fallback":
            yield from boxes(one)
