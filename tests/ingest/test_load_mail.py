"""E-mail: what people read of it, and each attachment as part of it."""

from email.message import EmailMessage

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import load_bytes
from tests.ingest.files import pdf, word
from tests.ingest.office import rows, workbook

SHEET = "vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def mail(body: str = "See below.\n", subject: str = "Terms") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ada <ada@a.example>"
    message["To"] = "Bob <bob@b.example>"
    message["Subject"] = subject
    message.set_content(body)
    return message


def test_an_attachment_is_read_by_its_own_loader_and_cited_as_part_of_the_mail() -> None:
    message = mail()
    message.add_attachment(pdf("", "Pay within ten days."), "application", "pdf", filename="terms.pdf")
    data = workbook(sheets={"Prices": rows("A1=Part; B1=EUR", "A2=Lamp; B2:30")})
    message.add_attachment(data, "application", SHEET, filename="Preise für Ghent.xlsx")
    document = load_bytes(bytes(message), "mail/terms.eml")
    assert document.source == "mail/terms.eml"
    assert document.title == "Terms"
    assert [(s.headings, s.page) for s in document.sections] == [
        ((), None),
        (("Attachment: terms.pdf",), 2),
        (("Attachment: Preise für Ghent.xlsx", "Prices", "A1:B2"), None),
    ]
    texts = [document.text[s.start : s.end].strip() for s in document.sections]
    assert texts[0].startswith(
        "From: Ada <ada@a.example>\nTo: Bob <bob@b.example>\nSubject: Terms\n\nSee below."
    )
    assert texts[1:] == ["Pay within ten days.", "| Part | EUR |\n| --- | --- |\n| Lamp | 30 |"]


def test_an_attachment_that_cannot_be_read_costs_itself_and_says_why() -> None:
    message = mail()
    message.add_attachment(word()[:3000], "application", "octet-stream", filename="cut.docx")
    message.add_attachment(b"\x7fELF\0", "application", "octet-stream", filename="run.bin")
    document = load_bytes(bytes(message), "m.eml")
    assert "# Attachment: cut.docx\n\n(This attachment was not read: cut.docx is damaged" in document.text
    assert "(This attachment was not read: run.bin cannot be read: it holds a program." in document.text


def test_a_body_of_html_alone_is_read_and_plain_text_is_preferred() -> None:
    message = EmailMessage()
    message["Subject"] = "News"
    message.set_content("<h1>News</h1><p>Ducks &amp; geese</p><script>x()</script>", subtype="html")
    assert load_bytes(bytes(message), "n.eml").text == "Subject: News\n\n# News\n\nDucks & geese"
    message = mail("plain\n")
    message.add_alternative("<p>fancy</p>", subtype="html")
    assert load_bytes(bytes(message), "n.eml").text.endswith("\n\nplain")


def test_mails_in_mails_are_read_to_a_depth_that_ends() -> None:
    message = mail("innermost\n", "Level 0")
    for level in range(1, 9):
        outer = mail(f"level {level}\n", f"Level {level}")
        outer.add_attachment(message)
        message = outer
    document = load_bytes(bytes(message), "deep.eml")
    assert "level 5" in document.text
    assert "innermost" not in document.text
    assert "mails are attached to mails over 4 deep" in document.text


@pytest.mark.parametrize("data", [b"hello\n\nworld", b"\n\nx", b"Subject:\n\nx"])
def test_what_is_no_mail_is_refused(data: bytes) -> None:
    with pytest.raises(
        UnreadableDocument, match=r"no\.eml is not an e-mail: it has no line such as From: or Subject:"
    ):
        load_bytes(data, "no.eml")


def test_broken_charsets_and_headers_do_not_cost_the_mail() -> None:
    data = (
        b"From: =?bad?q?x?=\r\nSubject: Gr\xfc\xdfe\r\nDate: nonsense\r\nContent-Type: text/plain;"
        b" charset=klingon\r\n\r\n"
        b"K\xf6ln\r\n"
    )
    document = load_bytes(data, "b.eml")
    assert document.text.endswith("Köln")
