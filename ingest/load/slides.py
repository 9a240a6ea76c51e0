"""PPTX: a slide is a page; its title is a heading, its texts, lists, tables, charts and notes follow in their order."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.charts import chart_texts
from ingest.load.grid import Cell, laid_out, number
from ingest.load.lists import Counter
from ingest.load.markup import attribute, child, children, descendants, local, parse_part, words
from ingest.load.outline import Outline
from ingest.load.package import Package
from ingest.load.relations import Relation, relations_of, title_of

TITLES: Final = frozenset(("title", "ctrTitle"))
MARGINAL: Final = frozenset(("dt", "ftr", "sldNum", "hdr", "sldImg"))
"""Placeholders of what every slide repeats."""
WITHOUT_BULLETS: Final = frozenset(("title", "ctrTitle", "subTitle"))


def load_slides(data: bytes, source: str) -> Document:
    """Return the document; the page of a section is its slide's number."""
    package = Package(data, source)
    root = parse_part(package, "ppt/presentation.xml")
    if root is None:
        raise UnreadableDocument(f"{source} is a zip archive without a PowerPoint presentation in it.")
    relations = relations_of(package, "ppt/presentation.xml")
    listed = child(root, "sldIdLst")
    outline = Outline()
    for number_, slide in enumerate(children(listed, "sldId") if listed is not None else (), 1):
        outline.page(number_)
        relation = relations.get(relation_id(slide))
        if relation is not None:
            Slide(package, relation.target, outline).write()
    return outline.document(source, title_of(package))


def relation_id(slide: Any) -> str:
    """Return the id of the slide's part; `id` alone is the slide's own number."""
    return next((value for key, value in slide.attrib.items() if key.endswith("}id")), "")


class Slide:
    """Writes one slide into the outline."""

    def __init__(self, package: Package, part: str, outline: Outline) -> None:
        self.package = package
        self.outline = outline
        self.relations = relations_of(package, part)
        self.root = parse_part(package, part)
        layout = self.related("slideLayout")
        self.layout = parse_part(package, layout.target) if layout else None
        above = relations_of(package, layout.target) if layout else {}
        master = next((one for one in above.values() if one.kind == "slideMaster"), None)
        self.master = parse_part(package, master.target) if master else None

    def related(self, kind: str) -> Relation | None:
        """Return the first part of a kind that the slide refers to."""
        return next((one for one in self.relations.values() if one.kind == kind), None)

    def write(self) -> None:
        """Write title, shapes, comments and notes."""
        tree = None if self.root is None else child(self.root, "cSld", "spTree")
        if tree is None:
            return
        shapes = list(flat(tree))
        titles = [shape for shape in shapes if placeholder(shape)[0] in TITLES]
        for shape in [*titles, *(shape for shape in shapes if shape not in titles)]:
            self.shape(shape)
        for relation in self.relations.values():
            if relation.kind == "comments":
                self.comments(relation)
        self.notes()

    def shape(self, shape: Any) -> None:
        """Write one shape."""
        kind, _ = placeholder(shape)
        if local(shape) == "graphicFrame":
            self.frame(shape)
            return
        body = child(shape, "txBody")
        if body is None or kind in MARGINAL:
            return
        if kind in TITLES:
            self.outline.heading(1, " ".join(text_of(one) for one in children(body, "p")))
        else:
            self.paragraphs(shape, body)

    def paragraphs(self, shape: Any, body: Any) -> None:
        """Write a text: runs of list items stay together."""
        styles = list(self.styles(shape, body))
        counter, items = Counter(), list[str]()
        for paragraph in children(body, "p"):
            text = text_of(paragraph)
            if not text.strip():
                continue
            level = number(attribute_of(child(paragraph, "pPr"), "lvl"), 0)
            mark = bullet(paragraph, styles, level)
            if not mark:
                self.outline.block("\n".join(items))
                items, counter = [], Counter()
                self.outline.block(text)
                continue
            items.append(f"{'  ' * min(level, 8)}{counter.mark(level, numbered=mark == 'buAutoNum')}{text}")
        self.outline.block("\n".join(items))

    def styles(self, shape: Any, body: Any) -> Iterator[Any]:
        """Yield where a paragraph's properties may come from, the nearest first: shape, layout, master."""
        yield child(body, "lstStyle")
        kind, index = placeholder(shape)
        if kind is None:
            return
        for above in (self.layout, self.master):
            for other in flat(child(above, "cSld", "spTree")) if above is not None else ():
                its_kind, its_index = placeholder(other)
                if its_kind is not None and (
                    its_index == index if above is self.layout else its_kind == kind
                ):
                    yield child(other, "txBody", "lstStyle")
        if self.master is not None and kind not in WITHOUT_BULLETS:
            yield child(self.master, "txStyles", "bodyStyle")

    def frame(self, shape: Any) -> None:
        """Write a table or a chart."""
        for table in descendants(shape, "tbl"):
            self.outline.table(laid_out(cells(row) for row in children(table, "tr")))
        for chart in descendants(shape, "chart"):
            relation = self.relations.get(attribute(chart, "id") or "")
            if relation is not None:
                for text in chart_texts(self.package, relation.target):
                    self.outline.block(text)

    def comments(self, relation: Relation) -> None:
        """Write what reviewers said."""
        root = parse_part(self.package, relation.target)
        for one in descendants(root, "cm") if root is not None else ():
            for said in (one, *descendants(one, "reply")):
                body = child(said, "text") if child(said, "text") is not None else child(said, "txBody")
                text = words(body) if body is not None else ""
                self.outline.block(f"Comment: {text}" if text else "")

    def notes(self) -> None:
        """Write the speaker's notes."""
        relation = self.related("notesSlide")
        root = parse_part(self.package, relation.target) if relation else None
        for shape in flat(child(root, "cSld", "spTree")) if root is not None else ():
            if placeholder(shape)[0] == "body" and child(shape, "txBody") is not None:
                said = [text_of(one) for one in children(child(shape, "txBody"), "p")]
                text = "\n".join(line for line in said if line.strip())
                self.outline.block(f"Notes: {text}" if text else "")


def flat(tree: Any) -> Iterator[Any]:
    """Yield the shapes, those in groups and in the first of several alternatives as well."""
    for shape in tree if tree is not None else ():
        if local(shape) in ("grpSp", "spTree"):
            yield from flat(shape)
        elif local(shape) == "AlternateContent":
            yield from flat(next(children(shape, "Choice", "Fallback"), None))
        elif local(shape) in ("sp", "graphicFrame", "cxnSp", "pic"):
            yield shape


def placeholder(shape: Any) -> tuple[str | None, str]:
    """Return kind and index of the placeholder that the shape fills; (None, "") where it fills none."""
    for name in ("nvSpPr", "nvGraphicFramePr", "nvPicPr"):
        found = child(shape, name, "nvPr", "ph")
        if found is not None:
            return found.get("type") or "body", found.get("idx") or "0"
    return None, ""


def bullet(paragraph: Any, styles: Sequence[Any], level: int) -> str:
    """Return `buChar`, `buAutoNum` or `buBlip` as the paragraph or the nearest style says, "" for none."""
    own = child(paragraph, "pPr")
    inherited = (child(style, f"lvl{level + 1}pPr") for style in styles if style is not None)
    for properties in (own, *inherited):
        for inner in properties if properties is not None else ():
            if local(inner) in ("buChar", "buAutoNum", "buBlip", "buNone"):
                return "" if local(inner) == "buNone" else local(inner)
    return ""


def attribute_of(element: Any, name: str) -> str | None:
    """Return an attribute, None where the element itself is missing."""
    return None if element is None else element.get(name)


def text_of(paragraph: Any) -> str:
    """Return a paragraph's text."""
    found: list[str] = []
    for part in paragraph.iter():
        name = local(part)
        if name == "t":
            found.append(part.text or "")
        elif name == "br":
            found.append("\n")
        elif name == "tab":
            found.append("\t")
    return "".join(found).replace("\v", "\n").strip()


def cells(row: Any) -> list[Cell]:
    """Return a row's cells; those that a merged one covers are left to it."""
    return [
        Cell(
            " ".join(text_of(one) for one in descendants(cell, "p")),
            number(cell.get("gridSpan")),
            number(cell.get("rowSpan")),
        )
        for cell in children(row, "tc")
        if cell.get("hMerge") not in ("1", "true") and cell.get("vMerge") not in ("1", "true")
    ]
