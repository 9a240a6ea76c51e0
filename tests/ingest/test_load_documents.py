"""Word and OpenDocument texts, books and articles: what their structure says is kept."""

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import load_bytes
from tests.ingest.files import archive
from tests.ingest.office import book, opendocument

NUMBERING = (
    b'<numbering><abstractNum abstractNumId="0"><lvl ilvl="0"><start val="1"/><numFmt val="decimal"/>'
    b'<lvlText val="%1."/>'
    b'</lvl><lvl ilvl="1"><start val="1"/><numFmt val="lowerLetter"/><lvlText val="%1.%2)"/></lvl></abstractNum>'
    b'<num numId="5"><abstractNumId val="0"/></num></numbering>'
)


def docx(body: str, **parts: bytes) -> bytes:
    """Return a DOCX; parts are named `footnotes`, `styles` and so on."""
    named = [(f"word/{name}.xml", data) for name, data in parts.items()]
    return archive(("word/document.xml", f"<document><body>{body}</body></document>".encode()), *named)


def paragraph(text: str, properties: str = "") -> str:
    return f"<p><pPr>{properties}</pPr><r><t>{text}</t></r></p>"


def item(text: str, level: int) -> str:
    return paragraph(text, f'<numPr><ilvl val="{level}"/><numId val="5"/></numPr>')


def test_lists_are_numbered_as_word_numbers_them() -> None:
    body = (
        item("one", 0)
        + item("inner", 1)
        + item("inner", 1)
        + paragraph("between")
        + item("two", 0)
        + item("a", 1)
    )
    assert load_bytes(docx(body, numbering=NUMBERING), "l.docx").text == (
        "1. one\n  1.a) inner\n  1.b) inner\n\nbetween\n\n2. two\n  2.a) a"
    )


def test_merged_cells_notes_code_and_equations_are_read() -> None:
    styles = b'<styles><style styleId="C"><name val="Source Code"/></style></styles>'
    cell = "<tc><tcPr>{}</tcPr><p><r><t>{}</t></r></p></tc>"
    table = (
        "<tbl><tr>" + cell.format('<vMerge val="restart"/>', "2024") + cell.format("", "Q1") + "</tr><tr>"
        + cell.format("<vMerge/>", "") + cell.format("", "Q2") + "</tr></tbl>"
    )  # fmt: skip
    equation = (
        "<p><oMath><sSup><e><r><t>c</t></r></e><sup><r><t>2</t></r></sup></sSup><r><t>=π</t></r></oMath></p>"
    )
    noted = '<p><r><t>See</t></r><r><footnoteReference id="3"/></r></p>'
    code = paragraph("if a:", '<pStyle val="C"/>') + paragraph("    b()", '<pStyle val="C"/>')
    notes = b'<footnotes><footnote id="3"><p><r><t>page 9</t></r></p></footnote></footnotes>'
    data = docx(table + equation + noted + code, styles=styles, footnotes=notes)
    assert load_bytes(data, "m.docx").text == (
        "| 2024 | Q1 |\n| --- | --- |\n| 2024 | Q2 |\n\n$c^{2}=\\pi$\n\nSee (page 9)\n\n```\nif a:\n    b()\n```"
    )


def test_a_style_based_on_a_heading_is_one_in_any_language() -> None:
    styles = (
        '<styles><style styleId="a"><name val="heading 2"/></style><style styleId="b"><name val="Unterüberschrift"/>'
        '<basedOn val="a"/></style></styles>'
    ).encode()
    data = docx(paragraph("Einleitung", '<pStyle val="b"/>') + paragraph("Text."), styles=styles)
    assert load_bytes(data, "h.docx").text == "## Einleitung\n\nText."


def test_opendocument_text_becomes_markdown() -> None:
    styles = (
        '<text:list-style style:name="N"><text:list-level-style-number text:level="1"/>'
        '<text:list-level-style-bullet text:level="2"/></text:list-style>'
    )
    content = (
        '<text:h text:outline-level="2">Leave</text:h><text:p>Five<text:s/>days<text:note><text:note-body>'
        "<text:p>a year"
        '</text:p></text:note-body></text:note>.</text:p><text:list text:style-name="N"><text:list-item><text:p>ask'
        "</text:p><text:list><text:list-item><text:p>early</text:p></text:list-item></text:list></text:list-item>"
        "<text:list-item><text:p>wait</text:p></text:list-item></text:list>"
        '<table:table><table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>A</text:p>'
        "</table:table-cell>"
        "<table:table-cell><text:p>1</text:p></table:table-cell></table:table-row><table:table-row>"
        "<table:covered-table-cell/><table:table-cell><text:p>2</text:p></table:table-cell>"
        "</table:table-row></table:table>"
    )
    assert load_bytes(opendocument("odt", content, styles=styles), "l.odt").text == (
        "## Leave\n\nFive days (a year).\n\n1. ask\n  - early\n2. wait\n\n| A | 1 |\n| --- | --- |\n| A | 2 |"
    )


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    document = load_bytes(book("<h1>Two</h1><p>later</p>", "<h1>One</h1><p>first</p>"), "b.epub")
    assert document.title == "Ducks"
    assert document.text == "# One\n\nfirst\n\n# Two\n\nlater"
    assert [section.headings for section in document.sections] == [("One",), ("Two",)]


def test_an_article_keeps_its_sections_tables_and_references() -> None:
    data = b"""<!DOCTYPE article><article><front><article-meta><title-group><article-title>On <italic>ducks</italic>
    </article-title></title-group><contrib-group><contrib><name><surname>Ito</surname><given-names>A.
    </given-names></name>
    </contrib></contrib-group><abstract><p>They swim.</p></abstract></article-meta></front><body><sec>
    <title>Methods</title>
    <p>We looked.<table-wrap><label>Table 1</label><caption><title>Ducks</title></caption><table><tr><th>Y
    </th><th>N</th>
    </tr><tr><td>1</td><td>2</td></tr></table></table-wrap>Twice.</p></sec></body><back><ref-list><ref>
    <element-citation>
    <name><surname>Bell</surname></name><article-title>Geese</article-title><year>1901</year></element-citation></ref>
    </ref-list></back></article>"""
    document = load_bytes(data, "ducks.nxml")
    assert document.title == "On ducks"
    assert document.text == (
        "# On ducks\n\nA. Ito\n\n## Abstract\n\nThey swim.\n\n## Methods\n\nWe looked.\n\nTable 1 Ducks\n\n"
        "| Y | N |\n| --- | --- |\n| 1 | 2 |\n\nTwice.\n\n## References\n\n- Bell. Geese. 1901"
    )


BOMB = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><article><front/><body><p>x &b;</p></body></article>'


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (
            opendocument("odt", "<text:p>x</text:p>", manifest=b"<encryption-data/>"),
            "l.odt",
            "locked with a password",
        ),
        (
            book("<p>x</p>", encryption=b'<e><EncryptionMethod Algorithm="aes"/></e>'),
            "l.epub",
            "copy protection",
        ),
        (archive(("mimetype", b"application/epub+zip")), "e.epub", "without a book in it"),
        (
            b"<article><front/><body><sec>",
            "c.nxml",
            "c.nxml is damaged: its XML cannot be read (line 1, column",
        ),
        (
            b"<article><body>" + b"<sec>" * 5_000 + b"</sec>" * 5_000 + b"</body></article>",
            "d.nxml",
            "nested too deeply",
        ),
        (b"<feed><title>x</title></feed>", "f.nxml", "is not a JATS article: its root element is <feed>"),
        (
            docx("<p>" * 500 + "</p>" * 500),
            "d.docx",
            "d.docx cannot be read: its elements are nested too deeply",
        ),
        (archive(("a.txt", b"x")), "x.docx", "holds a zip archive (unpack it and ingest what is in it)"),
        (opendocument("odt", "<text:p>x</text:p>"), "x.docx", "rename it to .odt, .ods or .odp"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(data: bytes, name: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as refused:
        load_bytes(data, name)
    assert reason in refused.value.message
    assert name in refused.value.message


def test_entities_of_an_article_are_not_expanded() -> None:
    assert load_bytes(BOMB, "b.xml").text == "x"
