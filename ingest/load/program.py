"""Source code: the text stays as it is, one section a top-level definition."""

import re

from contracts.documents import Document, Section
from ingest.load.outline import brief

DEFINITION = re.compile(
    r"^(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\([^)]*\))?|unsafe"
    r"|extern|data|sealed|open|partial|inline|virtual|create(?:\s+or\s+replace)?)\s+)*"
    r"(?:def|class|function\*?|func|fun|fn|interface|struct|enum|impl|trait|module|namespace|object|record|protocol"
    r"|extension|table|view|procedure|sub)\b\s*(?:if\s+not\s+exists\s+)?(?:\([^)]*\)\s*)?([\w$.]+)?",
    re.M | re.I,
)
LEAD = re.compile(r"(?:[ \t]*(?:@|//|/\*|\*|#\[|#(?!include)|--)[^\n]*\n)+\Z")


def load_program(text: str, source: str) -> Document:
    """Return the document, titled by its path: what a developer calls a file."""
    found = [(lead(text, match.start()), match[1] or "") for match in DEFINITION.finditer(text)]
    starts = [0, *(start for start, _ in found), len(text)]
    named = ["", *(name for _, name in found)]
    sections = (
        Section(start, end, (brief(name),) if name else ())
        for start, end, name in zip(starts, starts[1:], named, strict=False)
        if text[start:end].strip()
    )
    return Document(source, brief(source), text, tuple(sections))


def lead(text: str, start: int) -> int:
    """Return where the decorators and comments right above a definition begin, else its own start."""
    above = LEAD.search(text, max(0, start - 2000), start)
    return above.start() if above and text[above.start() - 1 : above.start()] in ("", "\n") else start
