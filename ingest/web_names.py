"""What a page is, by what its server says and by what it holds: the name that its file gets for the loaders."""

from typing import Final

from ingest.load.kinds import kind_by_name, suffix_of

BY_TYPE: Final = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "md",
    "text/x-markdown": "md",
    "text/x-rst": "rst",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "message/rfc822": "eml",
}
"""The types that say more than an address does."""
BINARY: Final = ("pdf", "docx", "xlsx", "pptx", "epub", "odt", "ods", "odp", "msg", "zip")
"""Kinds that their content tells; where it does not, a page of that name is something else, such as an error."""
PACKED: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF-")
"""Begins a file whose content tells its kind, whatever is said of it."""
MADE: Final = ("php", "asp", "aspx", "jsp", "cgi", "do", "py", "rb", "pl")
"""Ends an address behind which a program makes the page: says nothing of what it makes."""


def name_for(path: str, content_type: str, head: bytes) -> str:
    """Return a file name whose ending says what the page is; without one where the content is to tell."""
    kind = content_type.partition(";")[0].strip().lower()
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1024].lower()
    if begins.startswith((b"<!doctype html", b"<html")):
        return "page.html"
    suffix = BY_TYPE.get(kind, "")
    if head.startswith(PACKED):
        suffix = ""
    elif not suffix and is_text_by_name(told := suffix_of(path)):
        suffix = told
    return f"page.{suffix}" if suffix else "page"


def is_text_by_name(suffix: str) -> bool:
    """Tell whether an address's ending names a kind of text, and no program that makes the page."""
    return suffix not in MADE and suffix not in BINARY and kind_by_name(f"page.{suffix}") is not None


def charset_of(content_type: str) -> str:
    """Return the encoding that the server names, "" for none or UTF-8."""
    for part in content_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == "charset":
            named = value.strip(" \"'").lower()
            return "" if named in ("utf-8", "utf8") else named
    return ""


def to_utf8(data: bytes, charset: str) -> bytes:
    """Return text in UTF-8; as it is where there is no such encoding."""
    try:
        return data.decode(charset, "replace").encode()
    except (LookupError, UnicodeEncodeError):
        return data
