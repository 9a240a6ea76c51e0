"""What a file is, by its name and by its first bytes; both must agree."""

import os
from typing import Final

from contracts.errors import UnreadableDocument

CODE: Final = (
    "bash c cc cfg cjs clj cmake conf cpp cs css dart ex exs fs go graphql groovy h hpp hs ini java jl js jsx kt lua "
    "m mjs ml mm nix php pl pm proto ps1 py pyi r rb rs scala scss sh sql swift tf toml ts tsx vue xml yaml yml zig"
)
BY_SUFFIX: Final[dict[str, str]] = {
    **dict.fromkeys(CODE.split(), "code"),
    **dict.fromkeys(("md", "markdown", "mdown", "mkd", "mdx"), "markdown"),
    **dict.fromkeys(("txt", "text", "log", "adoc", "asciidoc", "org"), "plain"),
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    **dict.fromkeys(("rst", "rest"), "restructured"),
    **dict.fromkeys(("jsonl", "ndjson"), "jsonl"),
    "csv": "rows",
    "tsv": "rows",
    "json": "json",
    "pdf": "pdf",
    "docx": "docx",
}
BY_NAME: Final[dict[str, str]] = {
    "readme": "plain",
    "license": "plain",
    "changelog": "plain",
    "authors": "plain",
    "makefile": "code",
    "dockerfile": "code",
}
SIGNATURES: Final = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a media file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"PK\x05\x06", "an empty zip archive"),
)
SUPPORTED: Final = "Markdown, text, reStructuredText, HTML, PDF, DOCX, CSV, JSON, JSON Lines and source code"


def suffix_of(name: str) -> str:
    """Return the name's last extension without its dot, in lower case; "" where there is none."""
    return os.path.splitext(name)[1].lstrip(".").lower()


def kind_by_name(name: str) -> str | None:
    """Return the kind that the name promises, or None where it promises none that can be read."""
    base = os.path.basename(name)
    return BY_SUFFIX.get(suffix_of(base)) or BY_NAME.get(base.lower())


def kind_of(name: str, data: bytes) -> str:
    """Return the file's kind.

    Raises UnreadableDocument when the content is of a kind that is not read, or another than the name says.
    """
    promised, found = kind_by_name(name), kind_by_content(data)
    if found in ("pdf", "docx"):
        if promised not in (None, found):
            raise UnreadableDocument(
                f"{name} is named .{suffix_of(name)} but holds a {found.upper()} file: rename it to .{found}."
            )
        return found
    if found:
        raise UnreadableDocument(f"{name} cannot be read: it holds {found}. Switchboard reads {SUPPORTED}.")
    if promised in ("pdf", "docx"):
        raise UnreadableDocument(
            f"{name} is named .{promised} but does not begin like one: it is damaged or of another kind."
        )
    return promised or text_kind(data)


def kind_by_content(data: bytes) -> str | None:
    """Return `pdf`, `docx`, a description of another binary kind, or None for what may be text."""
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return "docx" if b"word/" in data else "a zip archive or another Office format"
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        locked = "EncryptedPackage".encode("utf-16-le") in data
        return "an Office file locked with a password" if locked else "an old Office file (save it as .docx)"
    return next((said for signature, said in SIGNATURES if data.startswith(signature)), None)


def text_kind(data: bytes) -> str:
    """Return the kind of a text whose name says nothing."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "html"
    return "plain"
