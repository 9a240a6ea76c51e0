"""AsciiDoc as Markdown: titles, lists, tables and source blocks with their language; no attributes, no comments."""

import re
from dataclasses import dataclass, field
from typing import Final

from contracts.documents import Document
from ingest.load.outline import Outline
from ingest.load.tables import to_table

TITLE: Final = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?[ \t]*$")
ATTRIBUTE: Final = re.compile(r":!?[\w][\w-]*!?:(?:[ \t].*)?$")
ITEM: Final = re.compile(r"[ \t]*(\*{1,6}|-|\.{1,6}|\d+\.)[ \t]+(\S.*)$")
TERM: Final = re.compile(r"[ \t]*(\S.*?)(:{2,4}|;;)(?:[ \t]+(\S.*))?$")
BLOCK: Final = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|```[\w+#.-]*)[ \t]*$")
STYLE: Final = re.compile(r"\[([^\]]*)\][ \t]*$")
MACRO: Final = re.compile(
    r"(?:image|video|audio|include|toc|ifdef|ifndef|endif|ifeval)::([^\[]*)\[([^\]]*)\][ \t]*$"
)
INLINE: Final = (
    (re.compile(r"image:[^\s:\[]\S*?\[([^\],]*)[^\]]*\]"), r"\1"),
    (re.compile(r"(?:link:|xref:)\S+?\[([^\]]*)\]"), r"\1"),
    (re.compile(r"(?<![\w:/])(?:https?|ftp)://[^\s\[\]]+\[([^\]]+)\]"), r"\1"),
    (re.compile(r"<<[^,>]+,[ \t]*([^>]+)>>"), r"\1"),
    (re.compile(r"(?:kbd|btn|menu):\w*\[([^\]]*)\]"), r"\1"),
    (re.compile(r"footnote:\w*\[([^\]]*)\]"), r" (\1)"),
    (re.compile(r"\[\.?[\w.# -]*\]#([^#]+)#"), r"\1"),
)
TABLE: Final = re.compile(r"[|!,:]={3,}[ \t]*$")
CELL: Final = re.compile(r"(?:^|(?<=[\s|]))(?:\d+(?:\.\d+)?[+*])?(?:[.<>^]*[aehlmdsv]?)?\|")


@dataclass(slots=True)
class Writer:
    """Collects lines until a block ends."""

    outline: Outline = field(default_factory=Outline)
    lines: list[str] = field(default_factory=list[str])
    style: str = ""
    """What stood in brackets above the next block."""

    def flush(self) -> None:
        """End the running paragraph or list."""
        self.outline.block("\n".join(self.lines))
        self.lines.clear()


def load_asciidoc(text: str, source: str) -> Document:
    """Return the document; its title is the first heading."""
    writer, rows = Writer(), text.lstrip("\ufeff").replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(rows):
        at = step(rows, at, writer)
    writer.flush()
    return writer.outline.document(source)


def step(rows: list[str], at: int, writer: Writer) -> int:
    """Write what begins at a line; return where the next begins."""
    row = rows[at].rstrip()
    if not row:
        if not continues(rows, at, writer):
            writer.flush()
    elif TABLE.match(row):
        return table(rows, at, writer)
    elif found := BLOCK.match(row):
        return block(rows, at, found[1], writer)
    elif row.startswith("//") or ATTRIBUTE.match(row) or row == "+":
        pass
    elif found := TITLE.match(row):
        writer.flush()
        writer.outline.heading(len(found[1]), inline(found[2]))
    elif found := MACRO.match(row):
        writer.flush()
        writer.outline.block(inline(found[2].partition(",")[0].strip('"')) if row.startswith("image") else "")
    elif found := STYLE.match(row):
        writer.flush()
        writer.style = found[1]
    else:
        line(row, writer)
    return at + 1


def continues(rows: list[str], at: int, writer: Writer) -> bool:
    """Tell whether a list goes on after a blank line."""
    after = next((row for row in rows[at + 1 :] if row.strip()), "")
    return (
        bool(writer.lines) and writer.lines[-1].lstrip().startswith(("- ", "1. ")) and bool(ITEM.match(after))
    )


def line(row: str, writer: Writer) -> None:
    """Write a line of a paragraph, a block's title or an item."""
    if re.match(r"\.[^\s.]", row):
        writer.flush()
        writer.outline.block(inline(row[1:]))
    elif found := ITEM.match(row):
        if writer.lines and not re.match(r"\s*(?:- |\d+\. )", writer.lines[-1]):
            writer.flush()
        depth = len(found[1]) - 1 if found[1][0] in "*." else 0
        mark = "- " if found[1][0] in "*-" else "1. "
        words = re.sub(r"^\[([ x*])\]", lambda box: "[ ]" if box[1] == " " else "[x]", found[2])
        writer.lines.append(f"{'  ' * depth}{mark}{inline(words)}")
    elif (found := TERM.match(row)) and "://" not in row:
        writer.lines.append(f"- {inline(found[1])}" + (f": {inline(found[3])}" if found[3] else ""))
    else:
        writer.lines.append(inline(row))


def block(rows: list[str], at: int, fence: str, writer: Writer) -> int:
    """Write a delimited block; return what follows its end."""
    writer.flush()
    closing = "```" if fence.startswith("```") else fence
    end = next((n for n in range(at + 1, len(rows)) if rows[n].rstrip() == closing), len(rows))
    style, writer.style = writer.style, ""
    if fence[0] in "-.+`" and fence != "--":
        parts = [part.strip() for part in style.split(",")]
        named = parts[1] if parts[0] in ("source", "listing", "") and len(parts) > 1 else fence.lstrip("`-.+")
        writer.outline.block("\n".join([f"```{named.partition('=')[0]}", *rows[at + 1 : end], "```"]))
    elif fence[0] != "/":
        inner, start = rows[at + 1 : end], 0
        while start < len(inner):
            start = step(inner, start, writer)
        writer.flush()
    return end + 1


def table(rows: list[str], at: int, writer: Writer) -> int:
    """Write a table; its rows are lines, or cells counted off by the first line or the `cols`."""
    writer.flush()
    fence = rows[at].rstrip()
    end = next((n for n in range(at + 1, len(rows)) if rows[n].rstrip() == fence), len(rows))
    found = [cells_of(row, fence[0]) for row in rows[at + 1 : end] if row.strip()]
    wide = columns(writer.style) or max(map(len, found[:1]), default=0)
    if fence[0] == "|" and wide and any(len(row) != wide for row in found):
        flat = [cell for row in found for cell in row]
        found = [flat[start : start + wide] for start in range(0, len(flat), wide)]
    writer.style = ""
    if len(found) < 3:
        writer.outline.block("\n".join(to_table(found)))
    else:
        writer.outline.table(found)
    return end + 1


def cells_of(row: str, mark: str) -> list[str]:
    """Return the cells of a table's line."""
    if mark in ",:":
        return [inline(cell.strip().strip('"')) for cell in row.split("," if mark == "," else ":")]
    return [inline(cell.strip()) for cell in CELL.split(row.strip())[1:]] or [inline(row.strip())]


def columns(style: str) -> int:
    """Return how many columns the style says, 0 where it says nothing."""
    found = re.search(r'cols="?([^"\]]+)"?', style)
    if not found:
        return 0
    counts = (re.match(r"[ ]*(\d+)\*", part) for part in re.split(r"[,;]", found[1]))
    return sum(int(count[1]) if count else 1 for count in counts)


def inline(text: str) -> str:
    """Return a line's words without AsciiDoc's macros; marks of emphasis are Markdown's as well."""
    for pattern, words in INLINE:
        text = pattern.sub(words, text)
    return text
