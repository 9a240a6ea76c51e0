"""Sitemaps: what they list. XML as sitemaps.org has it, an index of others, or one address a line; packed or not.

The XML comes from a stranger: a document type, and with it every entity, is refused before it is read.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from contracts.errors import UnreadableDocument

ROOTS: Final = ("urlset", "sitemapindex")
ADDRESS: Final = re.compile(r"https?://\S+\Z")


@dataclass(slots=True)
class Listing:
    """What one sitemap holds."""

    index: bool = False
    """Whether it lists other sitemaps rather than pages."""
    addresses: list[str] = field(default_factory=list[str])


class NoSitemap(Exception):
    """The document is something else."""


class Found(Exception):
    """Ends the parser at the root."""


def is_sitemap(data: bytes) -> bool:
    """Tell whether unpacked data begins like a sitemap in XML."""
    parser = expat.ParserCreate()
    root: list[str] = []

    def start(name: str, _: object) -> None:
        root.append(name.rpartition(":")[2])
        raise Found

    parser.StartElementHandler = start
    with suppress(Found, expat.ExpatError):
        parser.Parse(data[:65_536], False)
    return bool(root) and root[0] in ROOTS


def refuse(*_: object) -> None:
    """Refuse a document type."""
    raise UnreadableDocument("it holds a document type, which no sitemap needs")


def listing_of(data: bytes) -> Listing:
    """Return what an unpacked sitemap lists. Raises NoSitemap, and UnreadableDocument for a damaged one."""
    if is_sitemap(data):
        return parsed(data)
    lines = [line.strip() for line in data.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    if lines and all(ADDRESS.match(line) for line in lines):
        return Listing(addresses=lines)
    raise NoSitemap


def parsed(data: bytes) -> Listing:
    """Return what a sitemap in XML lists: the `loc` of each entry, none of an extension's."""
    found, path, text = Listing(), list[str](), list[str]()

    def start(name: str, _: object) -> None:
        if not path:
            found.index = name.rpartition(":")[2] == "sitemapindex"
        path.append(name)
        text.clear()

    def end(_: str) -> None:
        names = [name.rpartition(":")[2] for name in path]
        if names[1:] in (["url", "loc"], ["sitemap", "loc"]) and (address := "".join(text).strip()):
            found.addresses.append(address)
        path.pop()
        text.clear()

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    try:
        parser.Parse(data, True)
    except expat.ExpatError as cause:
        raise UnreadableDocument(f"its XML is damaged in line {cause.lineno}") from cause
    return found
