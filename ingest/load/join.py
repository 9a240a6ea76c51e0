"""Several documents as one: a mail and its attachments, a book and its chapters."""

from collections.abc import Iterable
from dataclasses import replace

from contracts.documents import Document, Section
from ingest.load.outline import brief


def joined(source: str, title: str, parts: Iterable[tuple[str, Document]]) -> Document:
    """Return one document; each part's sections stand under its name ("" for none), with their own pages."""
    texts: list[str] = []
    sections: list[Section] = []
    length = 0
    for name, part in parts:
        lead = f"# {name}\n\n" if name else ""
        at = length + len(lead)
        for section in part.sections:
            headings = (brief(name), *section.headings) if name else section.headings
            sections.append(
                replace(section, start=section.start + at, end=section.end + at, headings=headings)
            )
        text = f"{lead}{part.text}"
        texts.append(text)
        length += len(text) + 2
    return Document(source, brief(title), "\n\n".join(texts), tuple(sections))
