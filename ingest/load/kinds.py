"""What a file is, by its name and by its first bytes; both must agree."""

import io
import os
import zipfile
from typing import Final

from contracts.errors import UnreadableDocument
from ingest.load.ocr import installed

CODE: Final = (
    "bash c cc cfg cjs clj cmake conf cpp cs css dart ex exs fs go graphql groovy h hpp hs ini java jl js jsx kt lua "
    "m mjs ml mm nix php pl pm proto ps1 py pyi r rb rs scala scss sh sql swift tf toml ts tsx vue yaml yml zig"
)
BY_SUFFIX: Final[dict[str, str]] = {
    **dict.fromkeys(CODE.split(), "code"),
    **dict.fromkeys(("md", "markdown", "mdown", "mkd", "mdx"), "markdown"),
    **dict.fromkeys(("txt", "text", "log", "org"), "plain"),
    **dict.fromkeys(("adoc", "asciidoc", "asc"), "asciidoc"),
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    **dict.fromkeys(("rst", "rest"), "restructured"),
    **dict.fromkeys(("jsonl", "ndjson"), "jsonl"),
    **dict.fromkeys(("xml", "nxml", "jats"), "xml"),
    **dict.fromkeys(("vtt", "srt"), "captions"),
    **dict.fromkeys(("docx", "docm", "dotx", "dotm"), "docx"),
    **dict.fromkeys(("xlsx", "xlsm", "xltx", "xltm"), "xlsx"),
    **dict.fromkeys(("pptx", "pptm", "ppsx", "ppsm", "potx", "potm"), "pptx"),
    **dict.fromkeys(("odt", "ott", "ods", "ots", "odp", "otp", "fodt"), "odf"),
    **dict.fromkeys(("doc", "dot"), "doc"),
    **dict.fromkeys(("ppt", "pps", "pot"), "ppt"),
    **dict.fromkeys(("xls", "xlt"), "xls"),
    **dict.fromkeys(("png", "jpg", "jpeg", "tif", "tiff", "bmp", "gif", "webp"), "image"),
    "csv": "rows",
    "tsv": "rows",
    "json": "json",
    "pdf": "pdf",
    "epub": "epub",
    "eml": "mail",
    "msg": "msg",
    "xlsb": "xlsb",
}
BY_NAME: Final[dict[str, str]] = {
    "readme": "plain",
    "license": "plain",
    "changelog": "plain",
    "authors": "plain",
    "makefile": "code",
    "dockerfile": "code",
}
BINARY: Final[dict[str, str]] = {
    "pdf": "a PDF file",
    "docx": "a Word document",
    "xlsx": "an Excel workbook",
    "xlsb": "a binary Excel workbook",
    "pptx": "a PowerPoint presentation",
    "odf": "an OpenDocument file",
    "epub": "an EPUB book",
    "doc": "a Word 97 document",
    "xls": "an Excel 97 workbook",
    "ppt": "a PowerPoint 97 presentation",
    "msg": "an Outlook message",
    "image": "an image",
}
"""Kinds that are known by their first bytes, and what to call them."""
USUAL: Final[dict[str, str]] = {"odf": "odt, .ods or .odp", "image": "png or .jpg"}
"""The extension of a kind where it is not the kind's own name."""
SIGNATURES: Final = (
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"{\\rtf", "an RTF file (save it as .docx)"),
    (b"ID3", "a sound"),
    (b"OggS", "a sound"),
)
IMAGES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
SUPPORTED: Final = (
    "Markdown, text, AsciiDoc, reStructuredText, HTML, XML, PDF, Word, Excel, PowerPoint, OpenDocument, EPUB, e-mail, "
    "captions, CSV, JSON, JSON Lines and source code"
)
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
UNKNOWN: Final = "an old Office file of an unknown kind"
OLE_KINDS: Final = frozenset(("doc", "xls", "ppt", "msg"))
STREAMS: Final = (
    ("EncryptedPackage", "an Office file locked with a password (save a copy without one)"),
    ("__properties_version1.0", "msg"),
    ("PowerPoint Document", "ppt"),
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("Book", "xls"),
)
"""Streams in an old Office file, and the kind that has them; a message may have a document in it."""


def suffix_of(name: str) -> str:
    """Return the name's last extension without its dot, in lower case; "" where there is none."""
    return os.path.splitext(name)[1].lstrip(".").lower()


def kind_by_name(name: str) -> str | None:
    """Return the kind that the name promises, or None where it promises none that can be read.

    Where OCR is not installed, a folder's pictures are no files to read; one that is named is refused with the way.
    """
    base = os.path.basename(name)
    kind = BY_SUFFIX.get(suffix_of(base)) or BY_NAME.get(base.lower())
    return None if kind == "image" and not installed() else kind


def kind_of(name: str, data: bytes) -> str:
    """Return the file's kind.

    Raises UnreadableDocument when the content is of a kind that is not read, or another than the name says.
    """
    promised, found = kind_by_name(name), kind_by_content(data)
    if found in BINARY:
        if promised not in (None, found) and not (promised == "mail" and found == "msg"):
            usual = USUAL.get(found, found)
            raise UnreadableDocument(
                f"{name} is named .{suffix_of(name)} but holds {BINARY[found]}: rename it to .{usual}."
            )
        return found
    if found == UNKNOWN and promised in OLE_KINDS:
        raise UnreadableDocument(f"{name} is damaged or of another kind: nothing in it says what it is.")
    if found:
        raise UnreadableDocument(f"{name} cannot be read: it holds {found}. Switchboard reads {SUPPORTED}.")
    if promised in BINARY:
        raise UnreadableDocument(
            f"{name} is named .{suffix_of(name)} but does not begin like one: it is damaged or of another kind."
        )
    return text_kind(data) if promised in (None, "plain") else promised


def kind_by_content(data: bytes) -> str | None:
    """Return a kind of BINARY, a description of another binary kind, or None for what may be text."""
    if data.startswith(b"PK\x03\x04"):
        return kind_of_archive(data)
    if data.startswith(OLE):
        return next(
            (kind for stream, kind in STREAMS if f"{stream}\0".encode("utf-16-le") in data),
            UNKNOWN,
        )
    if b"%PDF-" in data[:1024]:  # some programs write a line of their own before it
        return "pdf"
    if data.startswith(b"RIFF"):
        return "image" if data[8:12] == b"WEBP" else "a media file"
    if data.startswith(IMAGES) or (data.startswith(b"BM") and data[6:10] == bytes(4)):
        return "image"
    return next((said for signature, said in SIGNATURES if data.startswith(signature)), None)


def kind_of_archive(data: bytes) -> str:
    """Return what a zip archive is, by what is in it; by its bytes where its directory is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            mimetype = archive.read("mimetype")[:100] if "mimetype" in names else b""
    except (zipfile.BadZipFile, ValueError, OSError, KeyError, NotImplementedError, RuntimeError, EOFError):
        names, mimetype = {part for part in (*ROOTS, "mimetype") if part.encode() in data}, data[:200]
    if b"application/epub+zip" in mimetype:
        return "epub"
    if b"application/vnd.oasis.opendocument" in mimetype:
        return "odf"
    kind = next((kind for part, kind in ROOTS.items() if any(name.startswith(part) for name in names)), None)
    return kind or "a zip archive (unpack it and ingest what is in it)"


ROOTS: Final = {
    "xl/workbook.bin": "xlsb",
    "word/": "docx",
    "xl/": "xlsx",
    "ppt/": "pptx",
    "META-INF/container.xml": "epub",
    "content.xml": "odf",
}
"""What an archive of each kind has in it."""


def text_kind(data: bytes) -> str:
    """Return the kind of a text whose name says nothing."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "html"
    if head.startswith(b"webvtt"):
        return "captions"
    if head.startswith((b"<?xml", b"<!doctype")):
        return "xml"
    return "plain"
