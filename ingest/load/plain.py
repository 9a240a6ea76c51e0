"""Plain text: one section, and the file's name for a title."""

from contracts.documents import Document, Section
from ingest.load.outline import stem_of


def load_plain(text: str, source: str) -> Document:
    """Return the text as one section."""
    return Document(source, stem_of(source), text, (Section(0, len(text)),))
