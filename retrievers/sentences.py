"""Cuts text into sentences that can be shown verbatim: each is a span of the text, none is rewritten.

Lines of tables, lists, records and headings are sentences of their own; a wrapped line of prose goes on in the
next. Which of the two a line is shows in its length: prose is wrapped where the next word did not fit.
"""

import re
from collections.abc import Iterator
from typing import Final

Span = tuple[int, int]
"""Character offsets, end exclusive, without surrounding white space."""

ABBREVIATIONS: Final = frozenset(
    """mr mrs ms dr prof st sr jr vs e.g i.e cf al fig eq sec no nos vol pp ed eds approx ca dept est gen gov col
    lt sgt capt rev hon inc ltd co corp bros jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k u.n a.m p.m
    ph.d b.c a.d d.c resp incl bzw z.b d.h u.a ca nr usw""".split()  # noqa: SIM905 - one word a cell would be 60 lines
)

_BREAK: Final = re.compile(
    r"\n[ \t]*\n\s*"  # an empty line
    r"|\n(?=[ \t]*(?:[-*+•◦▪–—]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s|[|#>]|={3,}|-{3,}))"  # a list, table, heading
    r"|(?<=\|)[ \t]*\n"  # a table row ends
    r"|(?<=:)[ \t]*\n"
)
_HEADING: Final = re.compile(r"[ \t]*#{1,6}\s[^\n]*(\n|$)")
_END: Final = re.compile(r"[。！？｡]+[」』”’）)]*|[.!?…]+[\"'”’»)\]]*(?=\s|$)|[؟।॥]+(?=\s|$)")
_WORD_BEFORE: Final = re.compile(r"[\w.]+$")
COLUMNS: Final = re.compile(r"[^\s.!?] {2,}\S")
"""What separates the columns of a table in plain text."""
KEY: Final = re.compile(r"[^\W\d]\w*: ")
"""What a line of a record begins with."""
_FULL_STOP: Final = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")
_QUOTES: Final = ('"""', "'''")
"""Around a docstring."""
NARROW: Final = 50
"""Characters: narrower text may be wrapped anywhere."""
SHORT: Final = 0.7
"""Share of the width below which a line ends by intent, though the next goes on in lower case."""


def split(text: str) -> list[Span]:
    """Return the spans of the sentences, in order; nothing but white space, or a docstring's quotes, lies between."""
    width = max(map(len, text.split("\n")))
    return [
        trimmed
        for span in _blocks(text)
        for line in _lines(text, *span, width)
        for part in _sentences(text, *line)
        if (trimmed := _trim(text, *part))
    ]


def _blocks(text: str) -> Iterator[Span]:
    start = 0
    for found in _BREAK.finditer(text):
        yield from _headed(text, start, found.start())
        start = found.end()
    yield from _headed(text, start, len(text))


def _headed(text: str, start: int, end: int) -> Iterator[Span]:
    heading = _HEADING.match(text, start, end)
    if heading:
        yield start, heading.end()
        start = heading.end()
    if start < end:
        yield start, end


def _lines(text: str, start: int, end: int, width: int) -> Iterator[Span]:
    """Yield what stands between the line ends that are meant, in text whose longest line is `width` long."""
    at, first = text.find("\n", start, end), start
    line = text.rfind("\n", 0, start) + 1
    while at >= 0:
        after = text.find("\n", at + 1, end)
        following = text[at + 1 : end if after < 0 else after]
        if _is_meant(text[line:at], following, width, line == 0):
            yield first, at
            first = at + 1
        line, at = at + 1, after
    yield first, end


def _is_meant(line: str, following: str, width: int, opening: bool) -> bool:
    """Tell whether a line ends by intent; the first line of a passage may be the rest of a wrapped one."""
    if COLUMNS.search(line.strip()) or COLUMNS.search(following.strip()):
        return True
    if KEY.match(following) and KEY.match(line):
        return True
    said, next_word = line.strip(), following.split(maxsplit=1)
    if not said or not next_word or said[-1] in ",;-–—(&/" or _FULL_STOP.search(said):
        return False
    if len(line) + 1 + len(next_word[0]) > max(width, NARROW):
        return False
    if next_word[0][0].islower():
        return not opening and width > NARROW and len(line) < SHORT * width
    return next_word[0][0].isalnum() or next_word[0][0] in "\"'“‘«("


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    row = text.startswith("|", start)
    for found in _END.finditer(text, start, start if row else end):
        if _ends(text, found, start, end):
            yield start, found.end()
            start = found.end()
    if start < end:
        yield start, end


def _ends(text: str, found: re.Match[str], start: int, end: int) -> bool:
    """Tell whether the mark ends its sentence, by what stands before and after."""
    if found.group()[0] != ".":
        return True
    before = _WORD_BEFORE.search(text, start, found.start())
    word = before.group().lower() if before else ""
    if word in ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return False
    if word.isdigit() and before is not None and not text[start : before.start()].strip(" \t([#"):
        return False  # the number of a list item
    after = text[found.end() : end].lstrip()[:1]
    return not after.islower()


def _trim(text: str, start: int, end: int) -> Span | None:
    body = text[start:end].strip()
    for quotes in _QUOTES:
        body = body.removeprefix(quotes).removesuffix(quotes).strip()
    left = text.find(body, start, end)
    return (left, left + len(body)) if body else None
