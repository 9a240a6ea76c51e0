"""HTML: headings, paragraphs, lists, tables and code as Markdown-like text; no navigation, scripts or styles.

The tree is walked by events, not by recursion: a page may nest deeper than Python's stack.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import lxml.etree as etree
import lxml.html as lxml_html

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.grid import Cell, laid_out, number
from ingest.load.outline import Outline
from ingest.load.tables import to_table

DROPPED_NAMES = (
    "script style noscript template nav svg iframe object canvas button select head audio video map"
)
BLOCK_NAMES = (
    "p div section article main aside header footer ul ol dl dt dd li blockquote figure figcaption address details "
    "summary form fieldset table thead tbody tfoot tr td th caption body hr center legend"
)
DROPPED = frozenset(DROPPED_NAMES.split())
BLOCKS = frozenset(BLOCK_NAMES.split())
LISTS = frozenset(("ul", "ol", "dl"))
LEVELS = {f"h{level}": level for level in range(1, 7)}
SPACES = re.compile(r"[ \t\r\n\f]+")
DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
LAYOUT = ".//table|.//h1|.//h2|.//h3|.//h4|.//pre"
"""What stands in a table without header cells that only lays out a page."""
LANGUAGE = re.compile(r"\b(?:lang(?:uage)?|highlight(?:-source)?|brush:)[-: ]([\w+#.-]+)")
HIDDEN_ROLES = frozenset(("navigation", "search", "menu", "menubar"))


def load_hypertext(text: str, source: str) -> Document:
    """Return the document; its title is the <title>, else the first heading."""
    parser = lxml_html.HTMLParser(huge_tree=True, remove_pis=True, encoding="utf-8", no_network=True)
    body = DECLARATION.sub("", text, count=1).encode("utf-8", "replace")
    try:
        root = lxml_html.document_fromstring(body, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError) as cause:
        raise UnreadableDocument(f"{source} holds no HTML that can be read.") from cause
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise UnreadableDocument(
            f"{source} cannot be read: its elements are nested too deeply (over 2,048 levels)."
        )
    title = root.findtext(".//title") or ""
    writer = Writer()
    writer.walk(root)
    return writer.outline.document(source, " ".join(title.split()))


@dataclass(slots=True)
class Writer:
    """Collects inline text until a block ends."""

    outline: Outline = field(default_factory=Outline)
    inline: list[str] = field(default_factory=list[str])
    lists: list[int] = field(default_factory=list[int])
    """The open lists: the number of the last item, or -1 where items have bullets."""
    items: list[str] = field(default_factory=list[str])
    """The lines of the open outermost list."""
    prefix: str = ""

    def walk(self, root: Any) -> None:
        """Write everything below the root."""
        walker = etree.iterwalk(root, events=("start", "end", "comment"))
        for event, element in walker:
            if event == "start" and self.enter(element):
                walker.skip_subtree()
            elif event == "end":
                self.leave(element)
            if event != "start" and element.tail:
                self.inline.append(SPACES.sub(" ", element.tail))
        self.flush()

    def enter(self, element: Any) -> bool:
        """Begin an element; True says that all of it is done."""
        tag = element.tag
        if tag in DROPPED or element.get("hidden") is not None or element.get("role") in HIDDEN_ROLES:
            return True
        if tag in LEVELS or tag == "pre" or (tag == "table" and is_data(element)):
            self.flush()
            self.whole(element, tag)
            return True
        if tag in BLOCKS:
            self.flush()
        if tag in LISTS:
            self.lists.append(number(element.get("start")) - 1 if tag == "ol" else -1)
        elif tag in ("li", "dt"):
            self.prefix = self.bullet()
        elif tag == "dd":
            self.prefix = f"  {self.bullet()}"
        elif tag == "br":
            self.inline.append("\n")
        if element.text:
            self.inline.append(SPACES.sub(" ", element.text))
        return False

    def leave(self, element: Any) -> None:
        """End an element."""
        if element.tag in BLOCKS:
            self.flush()
        if element.tag in LISTS and self.lists:
            self.lists.pop()
            if not self.lists:
                self.flush_items()
        if element.tag in ("li", "dt", "dd"):
            self.prefix = ""

    def whole(self, element: Any, tag: str) -> None:
        """Write a heading, a code block or a table of data at once."""
        if tag in LEVELS:
            self.flush_items()
            self.outline.heading(LEVELS[tag], words(element))
        elif tag == "pre":
            self.write(f"```{language(element)}\n{code(element)}\n```" if code(element).strip() else "")
        else:
            self.table(element)

    def table(self, element: Any) -> None:
        """Write a table; a caption goes before it."""
        self.write(" ".join(words(inner) for inner in element.iterfind("caption")))
        rows = laid_out(cells(row) for row in rows_of(element))
        if self.lists:
            self.items.extend(to_table(rows))
        else:
            self.outline.table(rows)

    def bullet(self) -> str:
        """Return the mark of the next item of the innermost list, indented by its depth."""
        if not self.lists:
            return "- "
        if self.lists[-1] >= 0:
            self.lists[-1] += 1
        mark = f"{self.lists[-1]}. " if self.lists[-1] >= 0 else "- "
        return "  " * (len(self.lists) - 1) + mark

    def flush(self) -> None:
        """End the running paragraph or list item."""
        lines = [line.strip() for line in "".join(self.inline).split("\n")]
        self.inline.clear()
        text = "\n".join(SPACES.sub(" ", line) for line in lines if line)
        if text:
            self.write(self.prefix + text)
            self.prefix = " " * len(self.prefix)

    def write(self, text: str) -> None:
        """Write a block; the lines of a list stay together."""
        if self.lists:
            self.items.append(text)
        else:
            self.outline.block(text)

    def flush_items(self) -> None:
        """End the list."""
        self.outline.block("\n".join(self.items))
        self.items.clear()


def words(element: Any) -> str:
    """Return an element's text on one line."""
    return " ".join("".join(texts(element)).split())


def texts(element: Any) -> list[str]:
    """Return the texts below an element, with a space where a line or a block ends."""
    found: list[str] = []
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        if event == "start" and inner.tag not in DROPPED:
            found.append(inner.text or "")
        elif event == "end":
            found.append(" " if inner.tag in BLOCKS or inner.tag == "br" else "")
            if inner is not element:
                found.append(inner.tail or "")
    return found


def code(element: Any) -> str:
    """Return preformatted text as it is."""
    return "".join(element.itertext()).strip("\n").replace("```", "'''")


def language(element: Any) -> str:
    """Return the language that the classes of a code block or of the code in it name, "" where none does."""
    marked = [
        element,
        *element.iterfind("code"),
        *([] if element.getparent() is None else [element.getparent()]),
    ]
    found = (LANGUAGE.search(f"{inner.get('class') or ''} {inner.get('lang') or ''}") for inner in marked)
    return next((match[1] for match in found if match), "")


def is_data(element: Any) -> bool:
    """Tell whether a table holds data, and does not only lay out the page."""
    return bool(element.xpath("./tr/th|./*/tr/th")) or not element.xpath(LAYOUT)


def rows_of(element: Any) -> Iterator[Any]:
    """Yield the rows of a table, not those of tables in it."""
    for inner in element:
        if inner.tag == "tr":
            yield inner
        elif inner.tag in ("thead", "tbody", "tfoot"):
            yield from inner.iterfind("tr")


def cells(row: Any) -> list[Cell]:
    """Return a row's cells."""
    return [
        Cell(words(cell), number(cell.get("colspan")), number(cell.get("rowspan")))
        for cell in row
        if cell.tag in ("td", "th")
    ]
