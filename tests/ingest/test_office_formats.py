"""PDF and DOCX: text, pages and structure; and the refusals that a person can act on."""

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import load_bytes
from tests.ingest.files import archive, pdf, word


def test_a_pdf_keeps_its_pages() -> None:
    document = load_bytes(pdf("First page.", "", "Third page.", title="Travel"), "travel.pdf")
    found = [(s.page, document.text[s.start : s.end].strip()) for s in document.sections]
    assert document.title == "Travel"
    assert found == [(1, "First page."), (3, "Third page.")]


def test_headers_that_every_page_repeats_are_left_out() -> None:
    from ingest.load.pdf_layout import body, margins
    from ingest.load.pdf_lines import Line

    pages = [
        [Line(f"Handbook, page {n}"), Line(f"Text {word}."), Line(f"{n} of 4")]
        for n, word in enumerate("abcd", 1)
    ]
    cut = [body(page, margins(pages)) for page in pages]
    assert [[line.text for line in page] for page in cut] == [
        ["Text a."],
        ["Text b."],
        ["Text c."],
        ["Text d."],
    ]


def test_a_scan_is_refused_for_want_of_text() -> None:
    with pytest.raises(
        UnreadableDocument, match=r"scan\.pdf has no text layer, nor any image: 2 pages without a word"
    ):
        load_bytes(pdf("", ""), "scan.pdf")


def test_a_damaged_pdf_is_refused() -> None:
    with pytest.raises(UnreadableDocument, match=r"cut\.pdf is damaged"):
        load_bytes(b"%PDF-1.4\nnothing follows", "cut.pdf")


def test_a_docx_becomes_markdown() -> None:
    document = load_bytes(word(), "refunds.docx")
    assert document.title == "Refunds"
    assert document.text == (
        "# Refunds\n\nCustomers may return a part.\n\n# Limits\n\n- within 30 days\n- unused\n\n"
        "| Part | Days |\n| --- | --- |\n| Lamp | 30 |"
    )
    assert [section.headings for section in document.sections] == [(), ("Limits",)]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("word/document.xml", bytes(50_000_000))], "times its size"),
        ([(f"word/{n}.xml", b"") for n in range(10_001)], "10,001 members"),
    ],
)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(members: list[tuple[str, bytes]], reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=rf"bomb\.docx is refused as a zip bomb: .*{reason}"):
        load_bytes(archive(*members), "bomb.docx")


def test_entities_are_not_expanded() -> None:
    entities = b'<!DOCTYPE d [<!ENTITY a "lol"><!ENTITY b SYSTEM "file:///etc/passwd">]>'
    body = b"<d><body><p><t>a &a; &b; z</t></p></body></d>"
    assert load_bytes(archive(("word/document.xml", entities + body)), "x.docx").text == "a"


def test_a_truncated_docx_is_refused() -> None:
    with pytest.raises(UnreadableDocument, match=r"cut\.docx is damaged"):
        load_bytes(word()[:5000], "cut.docx")
