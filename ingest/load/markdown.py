"""Markdown: the text stays as it is, offsets and all; only its headings are found."""

import re
from collections.abc import Iterator

from contracts.documents import Document
from ingest.load.outline import Heading, brief, stem_of, to_sections

ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
NOT_PROSE = re.compile(r"\s*$| {4}|\t| {0,3}(?:[>#|]|[-*+][ \t]|\d{1,9}[.)][ \t]|<)")
FRONT = re.compile(
    r"(?:---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)|\+\+\+[ \t]*\r?\n(.*?)^\+\+\+)[ \t]*$", re.M | re.S
)
FRONT_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(.+?)[ \t]*$", re.M | re.I)
LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
MARKS = re.compile(r"\*+|`+|(?<!\w)_+|_+(?!\w)|[ \t]*\{#[^}]*\}$|<[^>]+>")


def load_markdown(text: str, source: str) -> Document:
    """Return the document; its title is the front matter's, else the first heading of level 1, else the name."""
    front = FRONT.match(text)
    start = front.end() if front else 0
    headings = list(find_headings(text, start))
    titles = [heading.title for heading in headings if heading.level == 1]
    title = brief(front_title(front) or (titles[0] if titles else stem_of(source)))
    return Document(source, title, text, to_sections(text, headings, title, start))


def front_title(front: re.Match[str] | None) -> str:
    """Return the title of the front matter, "" where it has none."""
    found = FRONT_TITLE.search(front[1] or front[2] or "") if front else None
    return found[1].strip("\"'").strip() if found else ""


def find_headings(text: str, start: int) -> Iterator[Heading]:
    """Yield the headings outside of fenced code, in order."""
    fence, before, prose = "", start, False
    for line, at in lines(text, start):
        mark = FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" \t`~"):
                fence = ""
            prose = False
        elif mark:
            fence, prose = mark[1], False
        elif atx := ATX.match(line):
            yield Heading(len(atx[1]), plain(atx[2] or ""), at, at + len(line))
            prose = False
        elif prose and (under := SETEXT.match(line)):
            yield Heading(1 if under[1][0] == "=" else 2, plain(text[before:at]), before, at + len(line))
            prose = False
        elif NOT_PROSE.match(line):
            prose = False
        else:
            before, prose = at, True


def lines(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Yield each line without its newline, and its offset."""
    while start < len(text):
        newline = text.find("\n", start)
        end = len(text) if newline < 0 else newline
        yield text[start:end].removesuffix("\r"), start
        start = end + 1


def plain(text: str) -> str:
    """Return a heading's words without Markdown's marks."""
    return " ".join(MARKS.sub("", LINK.sub(r"\1", text)).split())
