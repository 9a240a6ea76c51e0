"""Presentations: a slide is a page, its title a heading; tables, lists and notes in their order."""

from ingest.load import load_bytes
from tests.ingest.office import opendocument, shape, slides

TABLE = (
    "<p:graphicFrame><a:tbl>"
    '<a:tr><a:tc gridSpan="2"><a:txBody><a:p><a:r><a:t>Both</a:t></a:r></a:p></a:txBody></a:tc>'
    '<a:tc hMerge="1"/></a:tr>'
    "<a:tr><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc>"
    "<a:tc><a:txBody><a:p><a:r><a:t>2</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>"
)


def test_a_section_has_the_number_of_its_slide_and_the_slides_title() -> None:
    data = slides(
        shape("Summer report", kind="title") + shape("Ducks", "- swim", "- fly", "1. first", "1. second"),
        TABLE + shape("Figures", kind="title") + shape("7", kind="sldNum"),
        shape("A slide without a title"),
    )
    document = load_bytes(data, "report.pptx")
    found = [(s.page, s.headings, document.text[s.start : s.end].strip()) for s in document.sections]
    assert document.title == "Summer report"
    assert found == [
        (1, (), "Ducks\n\n- swim\n- fly\n1. first\n2. second"),
        (2, ("Figures",), "| Both | Both |\n| --- | --- |\n| 1 | 2 |"),
        (3, (), "A slide without a title"),
    ]


def test_opendocument_slides_are_pages_too() -> None:
    page = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>{0}</text:p></draw:text-box>'
        "</draw:frame><draw:frame><draw:text-box><text:list><text:list-item><text:p>{1}</text:p></text:list-item>"
        "</text:list></draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>say {1}"
        "</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
    )
    document = load_bytes(
        opendocument("odp", page.format("One", "swim") + page.format("Two", "fly")), "d.odp"
    )
    assert document.text == "# One\n\n- swim\n\nNotes: say swim\n\n# Two\n\n- fly\n\nNotes: say fly"
    assert [(section.page, section.headings) for section in document.sections] == [(1, ()), (2, ("Two",))]
