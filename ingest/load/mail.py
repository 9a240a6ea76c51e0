"""E-mail (RFC 5322): the headers that people read, the body, and each attachment through its own loader.

An attachment that cannot be read costs itself, not the mail: the reason stands where its text would.
"""

import email
import email.policy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage, Message, MIMEPart
from typing import Final

from contracts.documents import Document, Section
from contracts.errors import UnreadableDocument
from ingest.load.decode import storable, to_text
from ingest.load.hypertext import load_hypertext
from ingest.load.join import joined
from ingest.load.outline import stem_of

HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")
DEEPEST: Final = 4
"""Mails in mails."""
MOST: Final = 200
"""Attachments of one mail."""

LoadBytes = Callable[[bytes, str], Document]


@dataclass(slots=True)
class Letter:
    """A mail, whatever the format that it came in."""

    headers: dict[str, str] = field(default_factory=dict[str, str])
    text: str = ""
    html: str = ""
    attachments: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    """Name and content."""


def load_mail(data: bytes, source: str, load: LoadBytes) -> Document:
    """Return the document; `load` reads the attachments. Raises UnreadableDocument for what is no mail."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not any(message.get(name) for name in HEADERS):
        raise UnreadableDocument(f"{source} is not an e-mail: it has no line such as From: or Subject:.")
    return written(letter_of(message), source, load)


def letter_of(message: EmailMessage) -> Letter:
    """Return what a message says."""
    letter = Letter({name: header(message, name) for name in HEADERS})
    body = message.get_body(("plain", "html"))
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        if part is not None and not letter.text:
            text = content(part)
            letter.text, letter.html = (text, "") if kind == "plain" else ("", text)
    for part in parts_beside(message, body):
        name = part.get_filename() or ("message.eml" if part.get_content_type() == "message/rfc822" else "")
        data = payload(part)
        if name and data and len(letter.attachments) < MOST:
            letter.attachments.append((" ".join(name.split()), data))
    return letter


def parts_beside(message: MIMEPart, body: MIMEPart | None) -> Iterator[MIMEPart]:
    """Yield the attachments, without looking into attached mails."""
    if message.get_content_type() == "message/rfc822" or not message.is_multipart():
        if message is not body and message.is_attachment():
            yield message
        return
    for part in message.iter_parts():
        if part is body:
            continue
        if part.get_content_type() == "message/rfc822" or not part.is_multipart():
            if part.get_filename() or part.get_content_type() == "message/rfc822":
                yield part
        else:
            yield from parts_beside(part, body)


def header(message: EmailMessage, name: str) -> str:
    """Return a header's text, broken ones as they are."""
    try:
        return " ".join(str(message.get(name) or "").split())
    except (
        ValueError,
        IndexError,
        AttributeError,
        LookupError,
    ):  # what email.policy raises over broken headers
        return ""


def content(part: MIMEPart) -> str:
    """Return a body's text; a wrong or unknown charset is replaced by what the bytes look like."""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError, KeyError, ValueError):
        raw = part.get_payload(decode=True)
        return (to_text(raw) or "") if isinstance(raw, bytes) else ""


def payload(part: MIMEPart) -> bytes:
    """Return an attachment's bytes."""
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        first = inner[0] if isinstance(inner, list) and inner else None
        return first.as_bytes() if isinstance(first, Message) else b""
    raw = part.get_payload(decode=True)
    return raw if isinstance(raw, bytes) else b""


def written(letter: Letter, source: str, load: LoadBytes) -> Document:
    """Return the mail as one document: headers and body, then each attachment under its name."""
    subject = letter.headers.get("Subject") or stem_of(source)
    lines = [f"{name}: {letter.headers[name]}" for name in HEADERS if letter.headers.get(name)]
    text = letter.text.strip() or (load_hypertext(letter.html, source).text if letter.html.strip() else "")
    body = storable("\n".join(lines) + f"\n\n{text.replace(chr(13), '')}".rstrip())
    parts = [("", Document(source, subject, body, (Section(0, len(body)),)))]
    for name, data in letter.attachments:
        parts.append((f"Attachment: {name}", attached(name, data, source, load)))
    return joined(source, storable(subject), parts)


def attached(name: str, data: bytes, source: str, load: LoadBytes) -> Document:
    """Return an attachment's document, or the sentence that says why it could not be read."""
    inside = f"{source}/{name}"
    try:
        if inside.count(".eml/") + inside.count(".msg/") > DEEPEST:
            raise UnreadableDocument(f"{name} is not read: mails are attached to mails over {DEEPEST} deep.")
        return load(data, inside)
    except UnreadableDocument as reason:
        said = f"(This attachment was not read: {reason.message.replace(inside, name)})"
        return Document(inside, name, said, (Section(0, len(said)),))
