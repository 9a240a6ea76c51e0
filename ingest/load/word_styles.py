"""What the styles and the numbering of a DOCX say about a paragraph: heading, item of a list, code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.load.grid import number
from ingest.load.markup import attribute, child, children

PLACE: Final = re.compile(r"%([1-9])")
CODE: Final = re.compile(r"\b(?:source ?code|code|preformatted|verbatim|listing)(?: block| char)?$", re.I)
ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Level:
    """How the items of one level are marked."""

    format: str
    """`bullet`, `decimal`, `lowerLetter` and so on; `none` for no mark at all."""
    pattern: str
    """Such as `%1.%2.`: the numbers of the levels."""
    start: int = 1


@dataclass(frozen=True, slots=True)
class Style:
    """A paragraph style with all that it is based on."""

    heading: int = 0
    """Level from 1; 0 for none."""
    list: str = ""
    level: int = 0
    code: bool = False


@dataclass(slots=True)
class Numbering:
    """The lists of a document and how far each has counted."""

    levels: dict[str, dict[int, Level]] = field(default_factory=dict[str, dict[int, Level]])
    """By list and level from 0."""
    shared: dict[str, str] = field(default_factory=dict[str, str])
    """What counts for a list: lists of one definition go on counting together."""
    counts: dict[str, dict[int, int]] = field(default_factory=dict[str, dict[int, int]])

    def mark(self, list: str, level: int) -> str:
        """Return the next item's mark: `- `, or its number as the document shows it; "" where it shows none."""
        own = self.levels.get(list, {})
        how = own.get(level, Level("bullet", ""))
        counts = self.counts.setdefault(self.shared.get(list, list), {})
        for deeper in [at for at in counts if at > level]:
            del counts[deeper]
        counts[level] = counts.get(level, how.start - 1) + 1
        if how.format == "bullet":
            return "- "
        shown = PLACE.sub(lambda found: self.at(own, counts, int(found[1]) - 1), how.pattern).strip()
        return f"{shown} " if shown and how.format != "none" else ""

    def at(self, own: dict[int, Level], counts: dict[int, int], level: int) -> str:
        """Return where a level stands, as it writes its numbers."""
        how = own.get(level, Level("decimal", ""))
        return spelled(counts.get(level, how.start), how.format)


def numbering_of(root: Any) -> Numbering:
    """Return the lists that word/numbering.xml defines."""
    numbering = Numbering()
    if root is None:
        return numbering
    abstract = {
        attribute(one, "abstractNumId"): dict(levels_of(one)) for one in children(root, "abstractNum")
    }
    for one in children(root, "num"):
        id, base = attribute(one, "numId") or "", value(one, "abstractNumId")
        levels = dict(abstract.get(base, {}))
        restarts = False
        for change in children(one, "lvlOverride"):
            levels.update(levels_of(change))
            restarts = restarts or child(change, "startOverride") is not None
        numbering.levels[id] = levels
        numbering.shared[id] = id if restarts else f"definition {base}"
    return numbering


def levels_of(element: Any) -> Iterator[tuple[int, Level]]:
    """Yield the levels that a list defines or changes."""
    for one in children(element, "lvl"):
        kind = value(one, "numFmt") or "decimal"
        yield (
            number(attribute(one, "ilvl"), 0),
            Level(kind, value(one, "lvlText") or "", number(value(one, "start"))),
        )


def styles_of(root: Any) -> dict[str, Style]:
    """Return the paragraph styles by their ids, each with what it is based on."""
    raw = {} if root is None else {attribute(one, "styleId") or "": one for one in children(root, "style")}
    return {id: style_of(id, raw) for id in raw}


def style_of(id: str, raw: dict[str, Any]) -> Style:
    """Return a style; what is nearest in the chain of those it is based on counts."""
    heading, listed, level, code, seen = 0, "", 0, False, set[str]()
    at: str | None = id
    while at in raw and at not in seen:
        seen.add(at)
        style = raw[at]
        name = (value(style, "name") or "").lower()
        heading = heading or heading_of(name, value(style, "pPr", "outlineLvl"))
        if not listed and (own := value(style, "pPr", "numPr", "numId")):
            listed, level = own, number(value(style, "pPr", "numPr", "ilvl"), 0)
        code = code or bool(CODE.search(name))
        at = value(style, "basedOn")
    return Style(heading, "" if listed == "0" else listed, level, code)


def heading_of(name: str, outline: str | None) -> int:
    """Return the heading level that a style's name or its outline level gives, 0 for none."""
    if name == "title":
        return 1
    if name.startswith("heading ") and name[8:].isdecimal():
        return int(name[8:])
    return int(outline) + 1 if outline and outline.isdecimal() and int(outline) < 9 else 0


def value(element: Any, *path: str) -> str | None:
    """Return the `val` of the child at the path, "" where it has none, None where there is no such child."""
    found = child(element, *path)
    return None if found is None else attribute(found, "val") or ""


def spelled(count: int, format: str) -> str:
    """Return a number as the list writes it."""
    if format in ("lowerLetter", "upperLetter") and count > 0:
        letters = chr(97 + (count - 1) % 26) * min((count - 1) // 26 + 1, 20)
        return letters if format == "lowerLetter" else letters.upper()
    if format in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        letters = ""
        for worth, letter in ROMAN:
            times, count = divmod(count, worth)
            letters += letter * times
        return letters if format == "lowerRoman" else letters.upper()
    return str(count)
