"""PDF through PDFium: one section a page, parted further where the bookmarks' titles stand in the text."""

import re
from collections import Counter
from collections.abc import Iterator

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from contracts.documents import Document, Section
from contracts.errors import UnreadableDocument
from ingest.load.decode import storable
from ingest.load.outline import brief, stem_of

HYPHEN = re.compile("[\ufffe\x02]\n?")
"""What PDFium writes for a hyphen that only parts a word at the end of a line."""
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MOST_BOOKMARKS = 2000


def load_pdf(data: bytes, source: str) -> Document:
    """Return the document; its title is the metadata's, else the file's name.

    Raises UnreadableDocument for a locked or damaged file and for one without a text layer.
    """
    with open_pdf(data, source) as pdf:
        texts = [page_text(pdf, index) for index in range(len(pdf))]
        title = brief(storable(pdf.get_metadata_dict().get("Title", "").strip("\0 ")))
        marks = list(bookmarks(pdf))
    if not any(text.strip() for text in texts):
        raise UnreadableDocument(
            f"{source} has no text layer ({len(texts)} pages of images): run OCR over it first, then ingest it again."
        )
    text = "\f\n".join(texts)
    starts = [0]
    for page in texts:
        starts.append(starts[-1] + len(page) + 2)
    title = title or stem_of(source)
    return Document(source, title, text, tuple(to_sections(texts, starts, marks, title)))


def open_pdf(data: bytes, source: str) -> pdfium.PdfDocument:
    """Open the file; an empty user password counts as none."""
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as cause:
        if cause.err_code == pdfium_c.FPDF_ERR_PASSWORD:
            raise UnreadableDocument(
                f"{source} is locked with a password: save a copy without one, then ingest that."
            ) from cause
        raise UnreadableDocument(f"{source} is damaged: PDFium cannot open it as a PDF.") from cause


def page_text(pdf: pdfium.PdfDocument, index: int) -> str:
    """Return one page's text in reading order; "" for a damaged page, so that the others are read."""
    try:
        page = pdf[index]
        try:
            raw = page.get_textpage().get_text_range()
        finally:
            page.close()
    except pdfium.PdfiumError:
        return ""
    text = HYPHEN.sub("", raw.replace("\r\n", "\n").replace("\r", "\n"))
    return storable(CONTROLS.sub(" ", text))


def bookmarks(pdf: pdfium.PdfDocument) -> Iterator[tuple[int, int, str]]:
    """Yield (page index, level from 1, title) of the outline, in its order."""
    for number, mark in enumerate(pdf.get_toc(max_depth=6)):
        if number >= MOST_BOOKMARKS:
            return
        target = mark.get_dest()
        page = target.get_index() if target else None
        title = brief(storable(mark.get_title()))
        if page is not None and title:
            yield page, mark.level + 1, title


def to_sections(
    texts: list[str], starts: list[int], marks: list[tuple[int, int, str]], title: str
) -> Iterator[Section]:
    """Yield the sections of each page; a bookmark opens one where its title begins a line of its page."""
    path: list[tuple[int, str]] = []
    repeated = margins(texts)
    for index, page in enumerate(texts):
        at, text = body(page, repeated)
        for number, level, name in marks:
            found = place(text, name, at) if number == index else None
            if found is None:
                continue
            if text[at:found].strip():
                yield Section(starts[index] + at, starts[index] + found, names(path, title), index + 1)
            at, path = found, [above for above in path if above[0] < level] + [(level, name)]
        if text[at:].strip():
            yield Section(starts[index] + at, starts[index] + len(text), names(path, title), index + 1)


def margins(texts: list[str]) -> frozenset[str]:
    """Return the first and last lines that most pages share but for their numbers: headers and footers."""
    edges = [{masked(lines[0]), masked(lines[-1])} for text in texts if (lines := text.strip().split("\n"))]
    counts = Counter(line for edge in edges for line in edge if line)
    return frozenset(line for line, count in counts.items() if count >= max(3, 0.6 * len(texts)))


def masked(line: str) -> str:
    """Return the line with its numbers made equal."""
    return re.sub(r"\d+", "#", line.strip())


def body(text: str, repeated: frozenset[str]) -> tuple[int, str]:
    """Return where the page begins after its header, and its text up to its footer."""
    text = text.rstrip()
    head, _, rest = text.partition("\n")
    at = len(head) + 1 if rest.strip() and masked(head) in repeated else 0
    above, _, foot = text.rpartition("\n")
    return at, above if len(above) > at and masked(foot) in repeated else text


def place(text: str, name: str, at: int) -> int | None:
    """Return where a line begins with the name, numbering before it allowed; None where none does."""
    words = r"\s+".join(re.escape(word) for word in name.split())
    found = re.compile(rf"^[\dIVX.]*\s*(?:{words})", re.M).search(text, at)
    return found.start() if found else None


def names(path: list[tuple[int, str]], title: str) -> tuple[str, ...]:
    """Return the open bookmarks' titles, without a first one that repeats the document's."""
    titles = tuple(name for _, name in path)
    return titles[1:] if titles[:1] == (title,) else titles
