"""A document on its way into the index."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid5

EDITIONS: Final = UUID("0c0f4f0e-7d6e-5f0b-8a53-6b1d1c8e2a44")


def edition_of(tenant: str, source: str, version: str) -> str:
    """Return the name of one version of one document: what becomes visible, and vanishes, as a whole."""
    return str(uuid5(EDITIONS, "\0".join((tenant, source, version))))


@dataclass(frozen=True, slots=True)
class Section:
    """A run of text under one heading path, on one page."""

    start: int
    end: int
    """Character offsets into `Document.text`."""
    headings: tuple[str, ...] = ()
    """Outermost first."""
    page: int | None = None
    """Counted from 1; None where the format has no pages."""


@dataclass(frozen=True, slots=True)
class Document:
    """The extracted text of one file, with its structure."""

    source: str
    """What a person would call it: a path relative to what was ingested, or a URL."""
    title: str
    text: str
    sections: tuple[Section, ...] = ()
    """In order, not overlapping; text between sections belongs to none and is not indexed."""
    groups: tuple[str, ...] = ()
    """Who may read it; empty means everyone in the tenant."""
    notes: tuple[str, ...] = ()
    """What the file holds and the text does not, a sentence each: pages without text, rows over a limit."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document as it is indexed: `text == document.text[start:end]`."""

    source: str
    title: str
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    position: int = 0
    """Index within the document, from 0."""
    groups: tuple[str, ...] = field(default=())

    def embedded_text(self) -> str:
        """Return what the embedder reads: the title and heading path, then the text."""
        path = " > ".join(part for part in (self.title, *self.headings) if part)
        return f"{path}\n{self.text}" if path else self.text
