"""XML: a JATS article as an article, a page as a page; any other kind stays the source text that it is."""

import re
from typing import Final

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.article import title_of, write_article
from ingest.load.hypertext import load_hypertext
from ingest.load.markup import parse_xml
from ingest.load.program import load_program

ROOT: Final = re.compile(
    r"\A\ufeff?\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>|\s)*<([\w.:-]+)", re.S
)
DECLARED: Final = re.compile(r"(<\?xml[^>]*?)\s+encoding=(?:\"[^\"]*\"|'[^']*')")
HEAD: Final = 20_000


def load_tagged(text: str, source: str) -> Document:
    """Return the document by its root element."""
    found = ROOT.match(text[:HEAD])
    name = found[1].rpartition(":")[2].lower() if found else ""
    if name == "html":
        return load_hypertext(text, source)
    if name == "article" and ("<front" in text or "<body" in text):
        # The text has been decoded: what it declares about its bytes is no longer true.
        root = parse_xml(DECLARED.sub(r"\1", text, count=1).encode("utf-8", "replace"), source)
        document = write_article(root).document(source, title_of(root))
        if document.sections:
            return document
    if source.lower().endswith(".nxml"):
        raise UnreadableDocument(
            f"{source} is not a JATS article: its root element is <{name or 'missing'}>."
        )
    return load_program(text, source)
