"""Markdown, reStructuredText, plain text, source code: the text stays, the structure is found."""

from contracts.documents import Document
from ingest.load import load_bytes


def parts(document: Document) -> list[tuple[tuple[str, ...], str]]:
    return [(s.headings, document.text[s.start : s.end].strip()) for s in document.sections]


def test_markdown_keeps_its_text_and_finds_both_kinds_of_headings() -> None:
    text = (
        "# Leave\n\nIntro.\n\nBuying days\n-----------\n\nFive days.\n\n### How *to* `ask` ###\nIn Almanac.\n"
    )
    document = load_bytes(text.encode(), "a/leave.md")
    assert document.text == text
    assert document.title == "Leave"
    assert parts(document) == [
        ((), "Intro."),
        (("Buying days",), "Five days."),
        (("Buying days", "How to ask"), "In Almanac."),
    ]


def test_a_comment_in_fenced_code_is_no_heading() -> None:
    document = load_bytes(
        b"# Setup\n\n````sh\n# not a heading\n```\n# nor this\n````\n\n## Next\nDone.\n", "setup.md"
    )
    assert [headings for headings, _ in parts(document)] == [(), ("Next",)]


def test_front_matter_gives_the_title_and_is_not_indexed() -> None:
    document = load_bytes(b'---\ntitle: "Data retention"\ntags: [a]\n---\n# Other\n\nText.\n', "x.md")
    assert document.title == "Data retention"
    assert parts(document) == [(("Other",), "Text.")]


def test_a_rule_between_paragraphs_is_no_heading() -> None:
    document = load_bytes(b"First.\n\n---\n\n- item\n---\n\n| a |\n|---|\n", "x.md")
    assert [headings for headings, _ in parts(document)] == [()]


def test_a_heading_with_nothing_below_it_is_kept_as_text() -> None:
    document = load_bytes(b"# A\n\ntext\n\n## Call 555 in an emergency\n", "x.md")
    assert parts(document)[-1] == ((), "## Call 555 in an emergency")


def test_restructured_levels_follow_the_order_of_their_styles() -> None:
    text = (
        "=====\nGuide\n=====\n\nIntro.\n\nPart\n----\n\n.. note::\n\n   Mind this.\n\n"
        ":mod:`json` use\n~~~~~~~~~~~~~~~\n\nBody.\n"
    )
    document = load_bytes(text.encode(), "guide.rst")
    assert document.text == text
    assert document.title == "Guide"
    assert parts(document) == [
        ((), "Intro."),
        (("Part",), ".. note::\n\n   Mind this."),
        (("Part", "json use"), "Body."),
    ]


def test_a_table_in_restructured_text_is_no_heading() -> None:
    text = "Title\n=====\n\n====  ====\na     b\n====  ====\n1     2\n====  ====\n\n-----\n\nEnd.\n"
    assert len(parts(load_bytes(text.encode(), "t.rst"))) == 1


def test_plain_text_is_read_in_the_encodings_that_people_use() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"):
        assert load_bytes("Grüße aus Köln.\n".encode(encoding), "a.txt").text == "Grüße aus Köln.\n"
    latin = "Die Grüße aus München kommen über die Straße, schöne Wörter für Ärger und Öl."
    assert load_bytes(latin.encode("cp1252"), "a.txt").text == latin
    russian = "Привет мир, это обычный русский текст для проверки"
    assert load_bytes(russian.encode("cp1251"), "a.txt").text == russian


def test_source_code_is_parted_at_its_definitions_with_what_decorates_them() -> None:
    text = (
        '"""Pay."""\n\nimport csv\n\n\n@cache\n# why\ndef pay(hours):\n    return hours\n\n\n'
        "class Rota:\n    def days(self): ...\n"
    )
    document = load_bytes(text.encode(), "tools/pay.py")
    assert document.title == "tools/pay.py"
    assert [(headings, body.split("\n")[0]) for headings, body in parts(document)] == [
        ((), '"""Pay."""'),
        (("pay",), "@cache"),
        (("Rota",), "class Rota:"),
    ]
    assert "".join(document.text[s.start : s.end] for s in document.sections) == text
