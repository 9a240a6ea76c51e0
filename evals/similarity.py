"""How near an extracted text is to its reference Markdown: tokens in common and in order, headings, tables.

Notation is taken out of both first, so that only what a reader sees is compared: `*a*` and `_a_`, `| - |` and
`|---|`, `&amp;` and `&` are the same; what a link points to, images and comments are left out.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

COMMENT: Final = re.compile(r"<!--.*?-->", re.S)
LINK: Final = re.compile(
    r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)"
)
ESCAPE: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
RULER: Final = re.compile(r"^[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+(?:[ \t]*:?-+:?)?[ \t]*$", re.M)
FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.M)
EMPHASIS: Final = re.compile(r"\*+|~~|`+|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)")
BULLET: Final = re.compile(r"^([ \t]*)[*+•](?=[ \t])", re.M)
HEADING: Final = re.compile(r"^[ \t]{0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$", re.M)
DOTS: Final = re.compile(r"(?:[.·…_][ \t]?){4,}")
TOKEN: Final = re.compile(r"[぀-ヿ㐀-䶿一-鿿가-힯]|[^\W぀-ヿ㐀-䶿一-鿿가-힯]+|[^\w\s]")
WORD: Final = re.compile(r"\w")


def tidy(markdown: str) -> str:
    """Return the Markdown without what differs between two writers of the same content."""
    text = COMMENT.sub(" ", markdown)
    text = BULLET.sub(r"\1-", FENCE.sub("", RULER.sub("", text)))
    text = EMPHASIS.sub("", ESCAPE.sub(r"\1", LINK.sub(r"\1", text)))
    text = unicodedata.normalize("NFKC", html.unescape(text))
    return DOTS.sub(" … ", text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"'))


def tokens(markdown: str) -> list[str]:
    """Return words, each CJK character and each mark; a heading's marks are one token whatever its level."""
    return TOKEN.findall(HEADING.sub(r"\n# \2", tidy(markdown)))


def words(markdown: str) -> list[str]:
    """Return the tokens that are no marks: the text without its structure."""
    return [token for token in tokens(markdown) if WORD.match(token)]


def similarity(found: Sequence[Hashable], wanted: Sequence[Hashable]) -> float:
    """Return 2 x (longest common subsequence) / (both lengths): 1 minus the normalised insert-delete distance.

    Source: Hyyrö 2004, "Bit-parallel LCS-length computation revisited"; one row of the table is one integer.
    """
    if not found or not wanted:
        return 1.0 if not found and not wanted else 0.0
    places: dict[Hashable, int] = {}
    for at, token in enumerate(wanted):
        places[token] = places.get(token, 0) | (1 << at)
    full = row = (1 << len(wanted)) - 1
    for token in found:
        if hit := row & places.get(token, 0):
            row = ((row + hit) | (row - hit)) & full
    common = len(wanted) - row.bit_count()
    return 2 * common / (len(found) + len(wanted))


def headings(markdown: str) -> Counter[str]:
    """Return the headings' words."""
    text = FENCED.sub("", markdown)
    titles = (" ".join(tokens(found[2])) for found in HEADING.finditer(text))
    return Counter(title for title in titles if title)


FENCED: Final = re.compile(r"^[ \t]*(```|~~~).*?^[ \t]*\1[ \t]*$", re.M | re.S)


def relations(markdown: str) -> Counter[tuple[str, str, str]]:
    """Return each pair of neighbouring cells, beside or below one another, of all tables; empty cells aside.

    Source: the adjacency relations of the ICDAR 2013 table competition (Göbel et al. 2012).
    """
    found: Counter[tuple[str, str, str]] = Counter()
    for table in tables(markdown):
        for row in table:
            kept = [cell for cell in row if cell]
            found.update(("beside", *pair) for pair in pairwise(kept))
        for column in range(max(map(len, table))):
            cells = [row[column] for row in table if column < len(row) and row[column]]
            found.update(("below", *pair) for pair in pairwise(cells))
    return found


def tables(markdown: str) -> Iterator[list[list[str]]]:
    """Yield each run of lines that begin and end with a bar, as rows of cells."""
    rows: list[list[str]] = []
    for line in [*FENCED.sub("", markdown).split("\n"), ""]:
        line = line.strip()
        if len(line) > 1 and line.startswith("|") and line.endswith("|"):
            if not RULER.match(line):
                rows.append([" ".join(tokens(cell)) for cell in re.split(r"(?<!\\)\|", line[1:-1])])
        elif rows:
            yield rows
            rows = []


def f1(found: Counter[Any], wanted: Counter[Any]) -> float:
    """Return the harmonic mean of precision and recall of two multisets."""
    common = sum((found & wanted).values())
    return 2 * common / (found.total() + wanted.total()) if common else 0.0
