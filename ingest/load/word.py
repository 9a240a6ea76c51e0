"""DOCX: headings, paragraphs, lists and tables, read from the XML by local names.

Not through python-docx: that refuses Strict OOXML and passes over content controls and text boxes.
"""

from collections.abc import Iterator
from typing import Any

import lxml.etree as etree

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.hypertext import to_table
from ingest.load.outline import Outline
from ingest.load.package import Package

SPELLED = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}
PASSED_OVER = frozenset(("Fallback", "del", "moveFrom", "rPr", "pPr", "instrText", "delText", "txbxContent"))
WRAPPERS = frozenset(
    ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice")
)


def load_word(data: bytes, source: str) -> Document:
    """Return the document; its title is the metadata's, else the first heading."""
    package = Package(data, source)
    body = parse(package, "word/document.xml")
    if body is None:
        raise UnreadableDocument(f"{source} is a zip archive without a Word document in it.")
    styles = parse(package, "word/styles.xml")
    core = parse(package, "docProps/core.xml")
    writer = Writer(outline_levels(styles) if styles is not None else {})
    writer.blocks(next((part for part in body if local(part) == "body"), body))
    titles = [] if core is None else [part.text or "" for part in core if local(part) == "title"]
    return writer.outline.document(source, " ".join("".join(titles).split()))


def parse(package: Package, name: str) -> Any:
    """Return a part's root, or None where there is no such part. No entity is expanded, nothing is fetched."""
    data = package.read(name)
    if data is None:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as cause:
        raise package.damaged() from cause


def local(element: Any) -> str:
    """Return a tag without its namespace; "" for comments."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def value(element: Any, *path: str) -> str | None:
    """Return the `val` of the child at the path, "" where it has none, None where there is no such child."""
    for name in path:
        element = next((child for child in element if local(child) == name), None)
        if element is None:
            return None
    return next((text for key, text in element.attrib.items() if key.rpartition("}")[2] == "val"), "")


def outline_levels(styles: Any) -> dict[str, int]:
    """Return the heading level, from 1, of each style that has one, by its id."""
    levels: dict[str, int] = {}
    for style in styles:
        if local(style) != "style":
            continue
        id = next((text for key, text in style.attrib.items() if key.rpartition("}")[2] == "styleId"), "")
        name = (value(style, "name") or "").lower()
        level = value(style, "pPr", "outlineLvl")
        if name == "title":
            levels[id] = 1
        elif name.startswith("heading ") and name[8:].isdigit():
            levels[id] = int(name[8:])
        elif level and level.isdigit() and int(level) < 9:
            levels[id] = int(level) + 1
    return levels


class Writer:
    """Writes the blocks of a body into an outline."""

    def __init__(self, levels: dict[str, int]) -> None:
        self.outline = Outline()
        self.levels = levels
        self.items: list[str] = []

    def blocks(self, parent: Any) -> None:
        """Write the paragraphs and tables; an item of a list waits for the rest of it."""
        for block in flatten(parent):
            if local(block) == "tbl":
                self.end_list()
                self.outline.block("\n".join(to_table([cells(row) for row in rows(block)])))
            else:
                self.paragraph(block)
        self.end_list()

    def paragraph(self, element: Any) -> None:
        """Write one paragraph as what it is: a heading, an item of a list, or text."""
        words = text(element).strip()
        level = self.level(element)
        depth = value(element, "pPr", "numPr", "ilvl")
        style = value(element, "pPr", "pStyle") or ""
        if words and level:
            self.end_list()
            self.outline.heading(min(level, 6), words)
        elif words and (depth is not None or style.startswith("List")):
            indent = int(depth) if depth and depth.isdigit() else 0
            self.items.append(f"{'  ' * min(indent, 8)}- {words}")
        elif words:
            self.end_list()
            self.outline.block(words)
        for box in boxes(element):
            self.blocks(box)

    def level(self, element: Any) -> int:
        """Return the heading level, from 1; 0 for what is no heading."""
        own = value(element, "pPr", "outlineLvl")
        if own and own.isdigit() and int(own) < 9:
            return int(own) + 1
        return self.levels.get(value(element, "pPr", "pStyle") or "", 0)

    def end_list(self) -> None:
        """Write the items that wait, as one block."""
        self.outline.block("\n".join(self.items))
        self.items = []


def flatten(parent: Any) -> Iterator[Any]:
    """Yield the paragraphs and tables of a body or cell, inside of content controls as well."""
    for child in parent:
        name = local(child)
        if name in ("p", "tbl"):
            yield child
        elif name in WRAPPERS:
            yield from flatten(child)


def rows(table: Any) -> Iterator[Any]:
    """Yield the rows, inside of content controls as well."""
    for child in table:
        if local(child) == "tr":
            yield child
        elif local(child) in WRAPPERS:
            yield from rows(child)


def cells(row: Any) -> list[str]:
    """Return the texts of a row's cells; a nested table's cells run on in their cell."""
    found: list[str] = []
    for child in row:
        if local(child) == "tc":
            found.append(
                " ".join(" ".join(text(part) for part in child.iter() if local(part) == "p").split())
            )
        elif local(child) in WRAPPERS:
            found.extend(cells(child))
    return found


def text(element: Any) -> str:
    """Return a paragraph's text: no deleted text, no field codes, no text boxes."""
    found: list[str] = []
    for child in element:
        name = local(child)
        if name == "t":
            found.append(child.text or "")
        elif name in SPELLED:
            found.append(SPELLED[name])
        elif name not in PASSED_OVER:
            found.append(text(child))
    return "".join(found)


def boxes(element: Any) -> Iterator[Any]:
    """Yield the text boxes in a paragraph, once each: Word repeats them as a fallback."""
    for child in element:
        name = local(child)
        if name == "txbxContent":
            yield child
        elif name != "Fallback":
            yield from boxes(child)
