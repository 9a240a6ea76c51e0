"""Cuts text into sentences that can be shown verbatim: each is a span of the text, none is rewritten.

Lines of tables, lists and headings are sentences of their own; a wrapped line of prose goes on in the next.
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


def split(text: str) -> list[Span]:
    """Return the spans of the sentences, in order; nothing but white space lies between them."""
    return [
        trimmed
        for span in _blocks(text)
        for part in _sentences(text, *span)
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


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    for found in _END.finditer(text, start, end):
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
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    return (start + left, start + right) if right > left else None
