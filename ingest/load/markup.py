"""XML that strangers wrote: no entity is expanded, nothing is fetched, names are read without their namespaces."""

from collections.abc import Iterator
from typing import Any, Final

import lxml.etree as etree

from contracts.errors import UnreadableDocument
from ingest.load.package import Package

DEEPEST: Final = 400
"""Levels of elements: beyond it a document is no document, and loaders that recurse would end in the middle."""


def parse_xml(data: bytes, source: str) -> Any:
    """Return the root. Raises UnreadableDocument for XML that is broken or nested too deeply."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as cause:
        if "depth" in str(cause).lower():
            raise too_deep(source) from cause
        raise UnreadableDocument(f"{source} is damaged: its XML cannot be read ({brief(cause)}).") from cause
    require_shallow(root, source)
    return root


def parse_part(package: Package, name: str) -> Any:
    """Return a part's root, or None where the archive has no such part."""
    data = package.read(name)
    if data is None:
        return None
    try:
        return parse_xml(data, package.source)
    except UnreadableDocument as cause:
        raise cause if "too deeply" in cause.message else package.damaged() from cause


def require_shallow(root: Any, source: str) -> None:
    """Raise UnreadableDocument for a tree with more than DEEPEST levels."""
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > DEEPEST:
            raise too_deep(source)


def too_deep(source: str) -> UnreadableDocument:
    """Return the refusal of a tree with too many levels."""
    return UnreadableDocument(
        f"{source} cannot be read: its elements are nested too deeply (over {DEEPEST} levels)."
    )


def brief(cause: Any) -> str:
    """Return the place of the first fault."""
    line, column = cause.position
    return f"line {line}, column {column}"


def local(element: Any) -> str:
    """Return a tag without its namespace; "" for comments and entities."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Any, name: str) -> str | None:
    """Return the attribute of that name, whatever its namespace; None where there is none."""
    found = element.get(name)
    if found is not None:
        return found
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def child(element: Any, *path: str) -> Any:
    """Return the first descendant along the names, or None."""
    for name in path:
        element = next((inner for inner in element if local(inner) == name), None)
        if element is None:
            return None
    return element


def children(element: Any, *names: str) -> Iterator[Any]:
    """Yield the children of these names, in order."""
    return (inner for inner in element if local(inner) in names)


def descendants(element: Any, *names: str) -> Iterator[Any]:
    """Yield what has one of these names below the element, in order."""
    return (inner for inner in element.iter() if local(inner) in names)


def words(element: Any) -> str:
    """Return all text below an element on one line; "" for None."""
    return "" if element is None else " ".join("".join(element.itertext()).split())
