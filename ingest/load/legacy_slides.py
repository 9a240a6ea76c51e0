"""PPT (PowerPoint 97 to 2003): a slide is a page; titles, texts, lists and tables, read from the binary itself."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.compound import opened, stream_of, title_of
from ingest.load.outline import Outline
from ingest.load.records_binary import Record, Text, body_of, deck_of, inner, texts_of

SHAPES, SHAPE, ANCHOR, BOX, TABLE = 0xF003, 0xF004, 0xF00F, 0xF00D, 0xF122
"""Records of a drawing ([MS-ODRAW]): a group, a shape, its place in a group, its text, further properties."""
DRAWING, OUTLINED = 0x040C, 0x0F9E
IS_TABLE: Final = 0x039F
NEAR: Final = 24
"""Units of a drawing (576 an inch) within which two edges are one."""
TITLES: Final = frozenset((0, 6))
LISTED: Final = frozenset((1, 7, 8))
"""Kinds of text that have bullets unless they say otherwise: bodies of a whole, half or quarter slide."""
DEEPEST: Final = 20


class Box(NamedTuple):
    """A cell of a table, by its edges."""

    left: int
    top: int
    right: int
    bottom: int
    text: str


def load_legacy_slides(data: bytes, source: str) -> Document:
    """Return the document; the page of a section is its slide's number."""
    with opened(data, source) as file:
        stream, user = stream_of(file, "PowerPoint Document"), stream_of(file, "Current User")
        title = title_of(file)
    deck = deck_of(stream, user, source)
    if not deck:
        raise UnreadableDocument(f"{source} is damaged: no slide of it can be found.")
    outline = Outline()
    for number, slide in enumerate(deck, 1):
        outline.page(number)
        write_slide(slide.record, slide.texts, outline)
        if slide.notes:
            outline.block(f"Notes: {slide.notes}")
    return outline.document(source, title if title != "PowerPoint Presentation" else "")


def write_slide(slide: Record | None, outlined: Sequence[Text], outline: Outline) -> None:
    """Write a slide's texts: the title first, then its shapes in their order; tables as tables."""
    found: list[Text | list[list[str]]] = []
    if slide is not None:
        for drawing in inner(slide, DRAWING):
            for part in body_of(drawing):
                for group in inner(part, SHAPES):
                    found.extend(shapes(group, outlined, 0))
    if not any(isinstance(one, Text) for one in found):
        found = [*outlined, *found]
    titles = [one for one in found if isinstance(one, Text) and one.kind in TITLES]
    for one in [*titles, *(one for one in found if not (isinstance(one, Text) and one.kind in TITLES))]:
        if isinstance(one, list):
            outline.table(one)
        elif one.kind in TITLES:
            outline.heading(1, " ".join(text for text, _, _ in one.paragraphs))
        else:
            write_text(one, outline)


def write_text(text: Text, outline: Outline) -> None:
    """Write paragraphs; items of a list stay together."""
    items: list[str] = []
    for words, level, bullet in text.paragraphs:
        if text.kind in LISTED if bullet is None else bullet:
            items.append(f"{'  ' * min(level, 8)}- {words}")
            continue
        outline.block("\n".join(items))
        items = []
        outline.block(words)
    outline.block("\n".join(items))


def shapes(group: Record, outlined: Sequence[Text], depth: int) -> Iterator[Text | list[list[str]]]:
    """Yield the texts of a group's shapes and of the groups in it; a group that is a table as its rows."""
    members = list(body_of(group))
    if depth and members and is_table(members[0]):
        yield rows_of([box for member in members[1:] for box in boxes(member, outlined)])
        return
    for member in members:
        if member.kind == SHAPE:
            yield from said(member, outlined)
        elif member.kind == SHAPES and depth < DEEPEST:
            yield from shapes(member, outlined, depth + 1)


def is_table(shape: Record) -> bool:
    """Tell whether a group's own shape says that the group is a table."""
    for options in inner(shape, TABLE):
        raw = options.data[options.start : options.end]
        for at in range(0, min(6 * options.instance, len(raw) - 5), 6):
            if int.from_bytes(raw[at : at + 2], "little") & 0x3FFF == IS_TABLE:
                return True
    return False


def said(shape: Record, outlined: Sequence[Text]) -> Iterator[Text]:
    """Yield a shape's texts: its own, or those of the slide's outline that it refers to."""
    for box in inner(shape, BOX):
        yield from texts_of(box)
        for reference in inner(box, OUTLINED):
            index = int.from_bytes(reference.data[reference.start : reference.start + 4], "little")
            if index < len(outlined):
                yield outlined[index]


def boxes(shape: Record, outlined: Sequence[Text]) -> Iterator[Box]:
    """Yield a cell with its edges; the lines between cells hold no text."""
    for anchor in inner(shape, ANCHOR):
        raw = anchor.data[anchor.start : anchor.start + 16]
        edges = [int.from_bytes(raw[at : at + 4], "little", signed=True) for at in range(0, 16, 4)]
        if any(True for _ in inner(shape, BOX)):
            texts = [words for text in said(shape, outlined) for words, _, _ in text.paragraphs]
            yield Box(edges[0], edges[1], edges[2], edges[3], " ".join(texts))


def rows_of(cells: Sequence[Box]) -> list[list[str]]:
    """Return the rows; a cell that spans several places stands in each of them."""
    lefts, tops = steps([cell.left for cell in cells]), steps([cell.top for cell in cells])
    rows = [[""] * len(lefts) for _ in tops]
    for cell in cells:
        for row, top in enumerate(tops):
            for column, left in enumerate(lefts):
                across = cell.left - NEAR <= left < cell.right - NEAR
                if across and cell.top - NEAR <= top < cell.bottom - NEAR:
                    rows[row][column] = cell.text
    return rows


def steps(edges: Sequence[int]) -> list[int]:
    """Return the edges in order, those near one another once."""
    found: list[int] = []
    for edge in sorted(edges):
        if not found or edge - found[-1] > NEAR:
            found.append(edge)
    return found[:200]
