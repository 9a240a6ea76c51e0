"""Workbooks of every age: sheets, ranges, dates; and sheets that claim more than any machine holds."""

import pytest

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load import load_bytes
from ingest.load.sheets import address, regions
from ingest.split import split
from tests.ingest.office import opendocument, rows, workbook

STYLES = (
    '<numFmts><numFmt numFmtId="170" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="171" formatCode="&quot;day&quot; 0"/>'
    '</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="9"/><xf numFmtId="170"/><xf numFmtId="171"/>'
    "</cellXfs>"
)


def ranges(document: Document) -> list[tuple[str, ...]]:
    return [section.headings for section in document.sections]


def test_a_citation_names_sheet_and_range() -> None:
    prices = rows("A1=Part; B1=Price", "A2=Lamp; B2:30", "A3=Bulb; B3:4.5")
    data = workbook(sheets={"Prices": prices, "Empty": "", "Stock": rows("C3=Lamp; D3:7", "C4=Bulb; D4:9")})
    document = load_bytes(data, "shop/parts.xlsx")
    assert document.text == (
        "## Prices\n\n| Part | Price |\n| --- | --- |\n| Lamp | 30 |\n| Bulb | 4.5 |\n\n"
        "## Stock\n\n| Lamp | 7 |\n| --- | --- |\n| Bulb | 9 |"
    )
    assert [chunk.headings for chunk in split(document)] == [("Prices", "A1:B3"), ("Stock", "C3:D4")]


def test_tables_that_do_not_touch_are_apart_and_a_lone_cell_is_a_line() -> None:
    data = workbook(
        sheets={"S": rows("A1=Ducks a year", "A3=Year; B3=Ducks; D3=x; E3=y", "A4:2019; B4:12; D4:1; E4:2")}
    )
    document = load_bytes(data, "d.xlsx")
    assert document.text.split("\n\n")[1:] == [
        "Ducks a year",
        "| Year | Ducks |\n| --- | --- |\n| 2019 | 12 |",
        "| x | y |\n| --- | --- |\n| 1 | 2 |",
    ]
    assert [headings[-1] for headings in ranges(document)] == ["A1", "A3:B4", "D3:E4"]


def test_every_piece_of_a_long_sheet_has_its_header_and_its_own_range() -> None:
    data = workbook(
        sheets={"S": rows("A1=no; B1=town", *(f"A{n}:{n}; B{n}=town {n}" for n in range(2, 202)))}
    )
    document = load_bytes(data, "towns.xlsx")
    found = [(s.headings[-1], document.text[s.start : s.end].strip()) for s in document.sections]
    assert len(found) > 5
    assert all(text.startswith("| no | town |\n") for _, text in found)
    first, last = found[0], found[-1]
    assert first[0].startswith("A1:B")
    assert last[0].endswith(":B201")
    ends = [int(name.rpartition("B")[2]) for name, _ in found]
    starts = [int(name.partition(":")[0][1:]) for name, _ in found]
    assert starts[1:] == [end + 1 for end in ends[:-1]]


def test_numbers_are_shown_as_their_format_shows_them() -> None:
    sheet = rows("A1:45292@1; B1:0.155@2; C1:45292.5@3; D1:5@4; E1:0.1")
    assert load_bytes(workbook(sheets={"S": sheet}, styles=STYLES), "n.xlsx").text.endswith(
        "| 2024-01-01 | 15.5% | 2024-01-01 12:00:00 | 5 | 0.1 |"
    )


def test_a_merged_cell_stands_in_each_place_that_it_covers() -> None:
    sheet = (
        rows("A1=Year; B1=Sales", "A2:2024; B2=Q1; C2=Q2")
        + '<mergeCells><mergeCell ref="B1:C1"/></mergeCells>'
    )
    text = load_bytes(workbook(sheets={"S": sheet}), "m.xlsx").text
    assert text.endswith("| Year | Sales | Sales |\n| --- | --- | --- |\n| 2024 | Q1 | Q2 |")


def test_shared_strings_and_formulas_that_were_never_calculated_are_read() -> None:
    sheet = (
        '<sheetData><row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1"><f>SUM(C1:C9)</f></c></row></sheetData>'
    )
    assert load_bytes(workbook(sheets={"S": sheet}, strings=("no", "yes")), "f.xlsx").text.endswith(
        "| yes | =SUM(C1:C9) |"
    )


def test_a_sheet_of_seventeen_billion_places_is_read_by_its_cells() -> None:
    column = [f"A{n}=row {n}" for n in range(2, 3_000)]
    corners = rows("A1=first; XFD1=last", *column, "XFD1048576=corner")
    document = load_bytes(workbook(sheets={"Wide": corners}), "wide.xlsx")
    assert "row 2999" in document.text
    assert [headings[-1] for headings in ranges(document)][-1] == "XFD1048576"
    cross = rows("; ".join(f"{address(0, n)}=c{n}" for n in range(3_000)), *column)
    assert "A2999: row 2999" in load_bytes(workbook(sheets={"Cross": cross}), "cross.xlsx").text


def test_a_merge_over_the_whole_sheet_is_not_repeated() -> None:
    sheet = rows("A1=Title") + '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    assert load_bytes(workbook(sheets={"S": sheet}), "t.xlsx").text == "## S\n\nTitle"


def test_regions_are_joined_where_rows_overlap() -> None:
    cells = dict.fromkeys([(0, 0), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (3, 0)], "x")
    assert sorted((found.top, found.bottom, found.size()) for found in regions(cells)) == [
        (0, 1, 6),
        (3, 3, 1),
    ]


def test_opendocument_sheets_name_their_ranges_and_empty_repeats_cost_nothing() -> None:
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    filler = '<table:table-cell table:number-columns-repeated="16382"/>'
    table = (
        f'<table:table table:name="Ducks"><table:table-row>{cell.format("Year")}{cell.format("No")}{filler}'
        f'</table:table-row><table:table-row table:number-rows-repeated="2">{cell.format("2019")}{cell.format("12")}'
        '</table:table-row><table:table-row table:number-rows-repeated="1048573"><table:table-cell/>'
        "</table:table-row></table:table>"
    )
    document = load_bytes(opendocument("ods", table), "ducks.ods")
    assert document.text == "## Ducks\n\n| Year | No |\n| --- | --- |\n| 2019 | 12 |\n| 2019 | 12 |"
    assert ranges(document) == [("Ducks", "A1:B3")]


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (workbook(sheets={"S": "<sheetData><row"}), "cut.xlsx", "cut.xlsx is damaged"),
        (workbook(sheets={}), "none.xlsx", "none.xlsx holds no text"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook\0".encode("utf-16-le"),
            "old.xls",
            "old.xls is damaged",
        ),
        (b"Year,Ducks\n2019,12\n", "not.xls", "not.xls is named .xls but does not begin like one"),
    ],
)
def test_a_workbook_that_cannot_be_read_is_refused_by_name(data: bytes, name: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as refused:
        load_bytes(data, name)
    assert reason in refused.value.message
