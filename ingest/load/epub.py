"""EPUB: the chapters in the order in which they are read, each through the loader of HTML."""

import posixpath
from typing import Final
from urllib.parse import unquote

import lxml.etree as etree
import lxml.html as lxml_html

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.hypertext import Writer
from ingest.load.markup import child, children, descendants, local, parse_part, words
from ingest.load.package import Package

CONTAINER: Final = "META-INF/container.xml"
ENCRYPTION: Final = "META-INF/encryption.xml"
FONTS: Final = ("idpf.org/2008/embedding", "ns.adobe.com/pdf/enc#RC")
"""Methods that only scramble fonts."""


def load_epub(data: bytes, source: str) -> Document:
    """Return the document; its title is the book's. Raises UnreadableDocument for a book with copy protection."""
    package = Package(data, source)
    place = book_of(package)
    root = parse_part(package, place)
    if root is None:
        raise UnreadableDocument(f"{source} is a zip archive without a book in it.")
    require_open(package)
    folder = posixpath.dirname(place)
    manifest = child(root, "manifest")
    items = {one.get("id"): one for one in children(manifest, "item")} if manifest is not None else {}
    spine = child(root, "spine")
    writer = Writer()
    for reference in children(spine, "itemref") if spine is not None else ():
        item = items.get(reference.get("idref"))
        if item is not None and "nav" not in (item.get("properties") or "").split():
            chapter(
                package, posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or ""))), writer
            )
    title = next((words(one) for one in root.iter() if local(one) == "title"), "")
    return writer.outline.document(source, title)


def book_of(package: Package) -> str:
    """Return where the book's own description stands in the archive."""
    root = parse_part(package, CONTAINER)
    files = [] if root is None else [one.get("full-path") for one in descendants(root, "rootfile")]
    return next((file for file in files if file), "content.opf")


def require_open(package: Package) -> None:
    """Raise UnreadableDocument where chapters are encrypted."""
    root = parse_part(package, ENCRYPTION)
    methods = (
        [] if root is None else [one.get("Algorithm") or "" for one in descendants(root, "EncryptionMethod")]
    )
    if any(not any(font in method for font in FONTS) for method in methods):
        raise UnreadableDocument(
            f"{package.source} is locked by copy protection: only its own reader can open it."
        )


def chapter(package: Package, name: str, writer: Writer) -> None:
    """Write one chapter; a missing or empty one is passed over."""
    data = package.read(name)
    if not data or not data.strip():
        return
    parser = lxml_html.HTMLParser(
        huge_tree=True, remove_pis=True, no_network=True, encoding=encoding_of(data)
    )
    try:
        root = lxml_html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError) as cause:
        raise package.damaged() from cause
    writer.walk(root)
    writer.flush_items()


def encoding_of(data: bytes) -> str:
    """Return the encoding of a chapter, which is UTF-8 or UTF-16 (EPUB 3.3, 3.9)."""
    return "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
