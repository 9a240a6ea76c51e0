"""Documents to chunks: `chunk.text == document.text[start:end]`, and no word of a section is lost.

Each section is cut where it costs least: whole chunks of about TARGET tokens, between paragraphs rather than
sentences, sentences rather than lines, lines rather than words; a table or a code block is cut only where it is
longer than a chunk. Chunks do not overlap: every chunk carries its title and heading path into the embedder, the
reader cites by offset, and a sentence that stood in two chunks would be found, paid for and shown twice.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from contracts.documents import Chunk, Document, Section
from ingest.measure import Ruler, estimate

VERSION: Final = 1
"""Raised with every change of where documents are cut."""
TARGET: Final = 200
"""Tokens of a chunk with its title and heading path, estimated; what is longer embeds worse and slower."""
LEAST: Final = 64
"""Tokens that are left to the text under the longest of heading paths."""
LONGEST: Final = 1600
"""Characters: a word without end counts as one token, and must not make a chunk without end."""
FENCED: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.M | re.S)
BREAKS: Final = (
    re.compile(r"\n[ \t\r]*\n\s*|\f\s*"),
    re.compile(
        r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])\s*|\n(?=[ \t]*(?:[-*+•|>#]|\d+[.)]|\.\.)[ \t])|\n(?=[ \t]{2,}\S)"
    ),
    re.compile(r"\n"),
    re.compile(r"(?<=[,;:])\s+|(?<=[，；：、])"),
    re.compile(r"\s+"),
)
"""What parts a text, coarsest first."""
PRICES: Final = (0.0, 0.15, 0.25, 0.4, 0.6, 1.0)
"""What a cut at each of them costs, in the unit of one empty chunk; the last is inside of a word."""
PER_CHUNK: Final = 0.2
GRAIN: Final = 0.08
"""The share of a chunk below which it does not matter where the cut is."""


class Piece(NamedTuple):
    """What is not cut further. `price` is that of a cut right before it."""

    start: int
    end: int
    tokens: float
    price: float


def split(document: Document, target: int = TARGET) -> list[Chunk]:
    """Return the document's chunks in reading order; none for a document without text."""
    chunks: list[Chunk] = []
    for section in document.sections:
        headings = fitting(document.title, section.headings, target - LEAST)
        header = estimate(" ".join((document.title, *headings)))
        room = max(target - header, LEAST)
        for start, end in spans(document.text, section, room):
            chunks.append(
                Chunk(
                    document.source,
                    document.title,
                    document.text[start:end],
                    start,
                    end,
                    headings,
                    section.page,
                    len(chunks),
                    document.groups,
                )
            )
    return chunks


def fitting(title: str, headings: tuple[str, ...], room: float) -> tuple[str, ...]:
    """Return the headings without the outermost ones that leave no room for text."""
    while headings and estimate(" ".join((title, *headings))) > room:
        headings = headings[1:]
    return headings


def spans(text: str, section: Section, room: float) -> Iterator[tuple[int, int]]:
    """Yield where the section's chunks begin and end, without white space around them."""
    ruler = Ruler(text, section.start, section.end)
    pieces = joined(cut(text, section.start, section.end, room, ruler, 0), room * GRAIN)
    for first, last in grouped(pieces, room):
        start, end = trimmed(text, pieces[first].start, pieces[last - 1].end)
        if start < end:
            yield start, end


def cut(
    text: str, start: int, end: int, room: float, ruler: Ruler, level: int, price: float = 0
) -> Iterator[Piece]:
    """Yield pieces that fit into the room and follow one another without a gap; each as coarse as it fits."""
    tokens = ruler.tokens(start, end)
    fits = tokens <= room and end - start <= LONGEST
    if fits and level > 0:
        yield Piece(start, end, tokens, price)
    elif level < len(BREAKS):
        edges = [start, *edges_of(text, start, end, level), end]
        for left, right in pairwise(edges):
            paid = price if left == start else PRICES[level]
            yield from cut(text, left, right, room, ruler, level + 1, paid)
    else:
        step = max(1, int(room * 0.8)) if not fits else end - start
        for left in range(start, end, step):
            right = min(left + step, end)
            yield Piece(left, right, float(right - left), price if left == start else PRICES[-1])


def joined(pieces: Iterable[Piece], most: float) -> list[Piece]:
    """Return the pieces, the smallest neighbours made one: a list of numbers has as many pieces as words."""
    kept: list[Piece] = []
    for piece in pieces:
        if kept and kept[-1].tokens + piece.tokens <= most and piece.end - kept[-1].start <= LONGEST * GRAIN:
            first = kept[-1]
            kept[-1] = Piece(first.start, piece.end, first.tokens + piece.tokens, first.price)
        else:
            kept.append(piece)
    return kept


def edges_of(text: str, start: int, end: int, level: int) -> Iterator[int]:
    """Yield where a text may be cut at this level; at the coarsest, not inside of fenced code."""
    closed = [fence.span() for fence in FENCED.finditer(text, start, end)] if level == 0 else []
    for found in BREAKS[level].finditer(text, start, end):
        while closed and closed[0][1] <= found.start():
            closed.pop(0)
        inside = bool(closed) and closed[0][0] < found.start()
        if not inside and start < found.end() < end:
            yield found.end()


def grouped(pieces: list[Piece], room: float) -> list[tuple[int, int]]:
    """Return the cheapest way to join neighbours into chunks, as index ranges (dynamic programming).

    A chunk costs PER_CHUNK, the square of the share of the room that it leaves empty, and its cut.
    """
    best, back = [0.0] + [float("inf")] * len(pieces), [0] * (len(pieces) + 1)
    for last in range(1, len(pieces) + 1):
        tokens = 0.0
        for first in range(last - 1, -1, -1):
            piece = pieces[first]
            tokens += piece.tokens
            if first < last - 1 and (tokens > room or pieces[last - 1].end - piece.start > LONGEST):
                break
            cost = (
                best[first] + PER_CHUNK + max(0.0, 1 - tokens / room) ** 2 + (piece.price if first else 0.0)
            )
            if cost < best[last]:
                best[last], back[last] = cost, first
    ranges: list[tuple[int, int]] = []
    last = len(pieces)
    while last > 0:
        ranges.append((back[last], last))
        last = back[last]
    return ranges[::-1]


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without white space at its ends; the indent of a first line stays with it."""
    inner = text[start:end]
    body = inner.rstrip()
    lead = len(body) - len(body.lstrip())
    line = body.rfind("\n", 0, lead) + 1
    return start + line, start + len(body)
