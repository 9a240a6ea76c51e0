"""The records of a PowerPoint 97 file ([MS-PPT]): which slides there are in the end, and the texts in them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from contracts.errors import UnreadableDocument

DOCUMENT, SLIDE, NOTES = 0x03E8, 0x03EE, 0x03F0
NOTES_OF, PERSIST, LIST = 0x03F1, 0x03F3, 0x0FF0
EDIT, DIRECTORY = 0x0FF5, 0x1772
HEADER, WIDE, NARROW, PROPERTIES = 0x0F9F, 0x0FA0, 0x0FA8, 0x0FA1
LOCKED: Final = 0xF3D1C4DF
"""In the place of 0xE391C05F where the file is encrypted."""
MOST: Final = 100_000
FIELDS: Final = (
    (0x0000000F, 2), (0x80, 2), (0x10, 2), (0x40, 2), (0x20, 4), (0x800, 2), (0x1000, 2), (0x2000, 2), (0x4000, 2),
    (0x100, 2), (0x400, 2), (0x8000, 2), (0x100000, -1), (0x10000, 2), (0xE0000, 2), (0x200000, 2),
)  # fmt: skip
"""What a paragraph's properties hold, by the bits that say so, and how long each is (2.9.20, TextPFException)."""


class Record(NamedTuple):
    """A record and where its body stands."""

    kind: int
    instance: int
    holds: bool
    """Whether its body is records again."""
    data: bytes
    start: int
    end: int


@dataclass(slots=True)
class Text:
    """A text and its paragraphs."""

    kind: int
    """0 and 6 are titles, 1, 7 and 8 bodies (2.13.33)."""
    paragraphs: list[tuple[str, int, bool | None]] = field(default_factory=list[tuple[str, int, bool | None]])
    """Words, level, and whether it has a bullet; None where only the master knows."""


@dataclass(slots=True)
class Page:
    """A slide as the file's last version has it."""

    record: Record | None
    texts: list[Text] = field(default_factory=list[Text])
    """Those that stand in the outline."""
    notes: str = ""


def records(data: bytes, start: int, end: int) -> Iterator[Record]:
    """Yield the records of a range; a broken one ends it."""
    while start + 8 <= end:
        first, kind, size = struct.unpack_from("<HHI", data, start)
        stop = start + 8 + size
        if stop > end:
            return
        yield Record(kind, first >> 4, first & 0xF == 0xF, data, start + 8, stop)
        start = stop


def body_of(record: Record) -> Iterator[Record]:
    """Yield the records in a record, none where it holds something else."""
    return records(record.data, record.start, record.end) if record.holds else iter(())


def inner(record: Record, kind: int) -> Iterator[Record]:
    """Yield the records of one kind in a record."""
    return (one for one in body_of(record) if one.kind == kind)


def deck_of(stream: bytes, user: bytes, source: str) -> list[Page]:
    """Return the slides in the order of the show. Raises UnreadableDocument for a locked file."""
    if len(user) >= 20 and struct.unpack_from("<I", user, 12)[0] == LOCKED:
        raise UnreadableDocument(f"{source} is locked with a password: save a copy without one.")
    places, document = directory(stream, struct.unpack_from("<I", user, 16)[0] if len(user) >= 20 else 0)
    root = at(stream, places.get(document, -1))
    if root is None or root.kind != DOCUMENT:
        return []
    pages: dict[int, Page] = {}
    for listed in inner(root, LIST):
        if listed.instance == 0:
            pages |= slides(stream, listed, places)
    for listed in inner(root, LIST):
        if listed.instance == 2:
            add_notes(stream, listed, places, pages)
    return list(pages.values())


def at(stream: bytes, place: int) -> Record | None:
    """Return the record at a place."""
    return next(records(stream, place, len(stream)), None) if 0 <= place < len(stream) else None


def directory(stream: bytes, place: int) -> tuple[dict[int, int], int]:
    """Return where each object stands by its number, and the document's number; later edits win (2.3.3)."""
    places: dict[int, int] = {}
    document, seen = 0, set[int]()
    while place not in seen and (edit := at(stream, place)) is not None and edit.kind == EDIT:
        seen.add(place)
        _, _, before, where, number = struct.unpack_from("<IIIII", stream, edit.start)
        document = document or number
        table = at(stream, where)
        if table is not None and table.kind == DIRECTORY:
            spot = table.start
            while spot + 4 <= table.end:
                head = struct.unpack_from("<I", stream, spot)[0]
                first, count = head & 0xFFFFF, head >> 20
                for step in range(count):
                    spot += 4
                    if spot + 4 <= table.end:
                        places.setdefault(first + step, struct.unpack_from("<I", stream, spot)[0])
                spot += 4
        place = before
    return places, document


def slides(stream: bytes, listed: Record, places: dict[int, int]) -> dict[int, Page]:
    """Return the slides by their number, each with its texts in the outline."""
    pages: dict[int, Page] = {}
    waiting: list[Record] = []
    page: Page | None = None
    for one in [*body_of(listed), None]:
        if one is None or one.kind == PERSIST:
            if page is not None:
                page.texts = list(texts_in(waiting))
            waiting = []
            if one is not None and len(pages) < MOST:
                reference, _, _, number = struct.unpack_from("<IIII", stream, one.start)
                found = at(stream, places.get(reference, -1))
                page = pages[number] = Page(found if found is not None and found.kind == SLIDE else None)
        else:
            waiting.append(one)
    return pages


def add_notes(stream: bytes, listed: Record, places: dict[int, int], pages: dict[int, Page]) -> None:
    """Put each slide's notes beside it."""
    for persist in inner(listed, PERSIST):
        notes = at(stream, places.get(struct.unpack_from("<I", stream, persist.start)[0], -1))
        if notes is None or notes.kind != NOTES:
            continue
        of = next((struct.unpack_from("<I", stream, one.start)[0] for one in inner(notes, NOTES_OF)), 0)
        if of in pages:
            said = [words for text in deep(notes, 0) if text.kind == 2 for words, _, _ in text.paragraphs]
            pages[of].notes = "\n".join(said)


def deep(record: Record, depth: int) -> Iterator[Text]:
    """Yield all texts below a record."""
    yield from texts_of(record)
    for one in body_of(record):
        if one.holds and depth < 20:
            yield from deep(one, depth + 1)


def texts_of(record: Record) -> Iterator[Text]:
    """Yield the texts in a record."""
    return texts_in(list(body_of(record)))


def texts_in(found: list[Record]) -> Iterator[Text]:
    """Yield each text of records that follow one another: its kind, its characters, its properties."""
    kind, text = 4, ""
    for number, one in enumerate(found):
        if one.kind == HEADER:
            kind = struct.unpack_from("<I", one.data, one.start)[0]
        elif one.kind in (WIDE, NARROW):
            raw = one.data[one.start : one.end]
            text = raw.decode("utf-16-le", "replace") if one.kind == WIDE else raw.decode("latin-1")
            style = next(
                (after for after in found[number + 1 : number + 2] if after.kind == PROPERTIES), None
            )
            made = Text(kind, list(paragraphs(text, style)))
            if made.paragraphs:
                yield made


def paragraphs(text: str, style: Record | None) -> Iterator[tuple[str, int, bool | None]]:
    """Yield the paragraphs that hold words, with level and bullet."""
    runs = list(runs_of(style, len(text))) if style is not None else []
    at_, run, left = 0, 0, runs[0][0] if runs else 0
    for part in text.split("\r"):
        while runs and run < len(runs) and at_ >= left:
            run += 1
            left += runs[run][0] if run < len(runs) else 0
        _, level, bullet = runs[min(run, len(runs) - 1)] if runs else (0, 0, None)
        words = " ".join(part.replace("\x0b", " ").split())
        if words:
            yield words, level, bullet
        at_ += len(part) + 1


def runs_of(style: Record, length: int) -> Iterator[tuple[int, int, bool | None]]:
    """Yield characters, level and bullet of each run of paragraphs (2.9.44, TextPFRun)."""
    spot, covered = style.start, 0
    while covered <= length and spot + 10 <= style.end:
        count, level, masks = struct.unpack_from("<IHI", style.data, spot)
        spot += 10
        bullet: bool | None = None
        for bits, size in FIELDS:
            if masks & bits and spot + 2 <= style.end:
                first = struct.unpack_from("<H", style.data, spot)[0]
                if bits == 0xF and masks & 1:
                    bullet = bool(first & 1)
                spot += size if size > 0 else 2 + 4 * first
        covered += count
        yield count, level, bullet
