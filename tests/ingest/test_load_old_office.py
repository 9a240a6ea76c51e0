"""Word 97, PowerPoint 97 and Outlook files, made byte by byte: read as they are built, or refused with the way out."""

import struct

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import load_bytes
from tests.ingest.binary import compound, doc, msg, ppt
from tests.ingest.files import pdf

PLAIN = struct.pack("<H", 0)
CELL = PLAIN + struct.pack("<HB", 0x2416, 1)
ROW = CELL + struct.pack("<HB", 0x2417, 1)


def style(number: int) -> bytes:
    return struct.pack("<H", number)


def test_headings_fields_and_tables_of_an_old_document_are_kept() -> None:
    data = doc(
        ("Urlaub\r", style(1)),
        ("See \x13 HYPERLINK x \x14the site\x15 for\x1fms.\r", PLAIN),
        ("Regeln\r", style(2)),
        ("Year\x07", CELL), ("Days\x07", CELL), ("\x07", ROW),
        ("2024\x07", CELL), ("30\x07", CELL), ("\x07", ROW),
        ("End.\r", PLAIN),
    )  # fmt: skip
    document = load_bytes(data, "urlaub.doc")
    assert document.text == (
        "# Urlaub\n\nSee the site forms.\n\n# Regeln\n\n| Year | Days |\n| --- | --- |\n| 2024 | 30 |\n\nEnd."
    )
    assert [section.headings for section in document.sections] == [(), ("Regeln",)]


def test_slides_of_an_old_presentation_are_pages() -> None:
    data = ppt(((0, "Ducks"), (1, "swim\rfly")), ((4, "No title here"),), ((0, "Geese"), (1, "walk")))
    document = load_bytes(data, "birds.ppt")
    assert document.text == "# Ducks\n\n- swim\n- fly\n\nNo title here\n\n# Geese\n\n- walk"
    assert [(section.page, section.headings) for section in document.sections] == [
        (1, ()),
        (2, ()),
        (3, ("Geese",)),
    ]


def test_an_outlook_message_is_cited_with_its_attachments() -> None:
    data = msg(
        {"terms.pdf": pdf("Pay within ten days.")},
        p0037="Terms",
        p0C1A="Ada",
        p0E04="Bob",
        p1000="See below.\r\n",
    )
    document = load_bytes(data, "mail/terms.msg")
    assert document.title == "Terms"
    assert document.text == (
        "From: Ada\nTo: Bob\nSubject: Terms\n\nSee below.\n\n# Attachment: terms.pdf\n\nPay within ten days."
    )
    assert [(s.headings, s.page) for s in document.sections] == [((), None), (("Attachment: terms.pdf",), 1)]


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (
            doc(("x\r", PLAIN), flags=0x0300),
            "l.doc",
            "l.doc is locked with a password: save a copy without one.",
        ),
        (ppt(((0, "x"),), locked=True), "l.ppt", "l.ppt is locked with a password: save a copy without one."),
        (
            compound({"WordDocument": bytes(4096)}),
            "w.doc",
            "w.doc is of a Word older than 97: save it as .docx.",
        ),
        (
            compound({"EncryptedPackage": bytes(5000)}),
            "e.docx",
            "locked with a password (save a copy without one)",
        ),
        (
            compound({"PowerPoint Document": bytes(4096)}),
            "d.ppt",
            "d.ppt is damaged: no slide of it can be found.",
        ),
        (
            doc(("x\r", PLAIN))[:900],
            "c.doc",
            "c.doc is damaged or of another kind: nothing in it says what it is.",
        ),
        (doc(("x\r", PLAIN)).replace(b"\xec\xa5", b"\xec\xa4"), "m.doc", "m.doc is of a Word older than 97"),
        (doc(("x\r", PLAIN)).replace(b"\x02\x10\0\0\0", b"\x09\x10\0\0\0"), "p.doc", "p.doc is damaged"),
        (
            doc(("x\r", PLAIN)),
            "w.ppt",
            "w.ppt is named .ppt but holds a Word 97 document: rename it to .doc.",
        ),
        (
            compound({"Other": b"x"}),
            "o.doc",
            "o.doc is damaged or of another kind: nothing in it says what it is.",
        ),
    ],
)
def test_an_old_file_that_cannot_be_read_is_refused_in_one_sentence(
    data: bytes, name: str, reason: str
) -> None:
    with pytest.raises(UnreadableDocument) as refused:
        load_bytes(data, name)
    assert reason in refused.value.message
