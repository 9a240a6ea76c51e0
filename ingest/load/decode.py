"""Bytes to text: a byte order mark, then UTF-8, then detection. Binary data shows by NUL and control bytes."""

import codecs
import re

from charset_normalizer import from_bytes

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 65_536
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
SURROGATES = re.compile("[\ud800-\udfff]")


def to_text(data: bytes) -> str | None:
    """Return the text, newlines as they are, or None where the bytes are not text."""
    encoding = encoding_of(data)
    if encoding is None:
        return None
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        text = data.decode(encoding if encoding.startswith("utf") else "cp1252", errors="replace")
    if len(CONTROLS.findall(text, 0, SAMPLE)) * 20 > min(len(text), SAMPLE) or "\0" in text:
        return None
    return text


def encoding_of(data: bytes) -> str | None:
    """Return the encoding's name, or None for binary data."""
    for mark, name in MARKS:
        if data.startswith(mark):
            return name
    head = data[:SAMPLE]
    if b"\0" in head:
        return wide_encoding(head)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        best = from_bytes(head).best()
        # UTF-16 without a mark has NULs in it; in a few bytes of Latin-1 the detection sees it all the same
        return best.encoding if best and not best.encoding.startswith(("utf_16", "utf_32")) else "cp1252"
    return "utf-8"


def wide_encoding(head: bytes) -> str | None:
    """Return UTF-16's variant for text without a mark: nearly every second byte is NUL; else None."""
    pairs = len(head) // 2
    if head[1::2].count(0) > 0.7 * pairs and 0 not in head[::2]:
        return "utf-16-le"
    if head[::2].count(0) > 0.7 * pairs and 0 not in head[1::2]:
        return "utf-16-be"
    return None


def storable(text: str) -> str:
    """Replace what no database takes: NUL and lone surrogates, as JSON's escapes can spell them."""
    return SURROGATES.sub("\ufffd", text).replace("\0", "\ufffd")
