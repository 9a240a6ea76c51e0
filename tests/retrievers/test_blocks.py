"""What of a passage can answer, and what it is read with."""

from retrievers.blocks import units
from retrievers.shown import shown

MARKDOWN = "| Office | People |\n|---|---:|\n| Ghent | 96 |\n| Aarhus | 44 |"
COLUMNS = "  Office   Open\n  -------  --------------\n  Ghent    07:00 to 20:00\n  Aarhus   07:30 to 18:30"
PRINTED = (
    "Driving\nVehicle Paid per kilometre\nOwn car EUR 0.36\nOwn bicycle EUR 0.25\nRental cars are booked in the "
    "compact class, electric if possible, and\nalways with full insurance."
)


def answers(text: str) -> list[str]:
    return [text[slice(*unit.span)] for unit in units(text)]


def above(text: str, at: int) -> list[str]:
    return [text[slice(*span)] for span in units(text)[at].above]


def test_a_row_is_read_with_its_header():
    assert answers(MARKDOWN) == ["| Ghent | 96 |", "| Aarhus | 44 |"]
    assert above(MARKDOWN, 1) == ["| Office | People |"]


def test_columns_and_printed_lines_are_tables_too():
    assert answers(COLUMNS) == ["Ghent    07:00 to 20:00", "Aarhus   07:30 to 18:30"]
    assert answers(PRINTED)[:2] == ["Own car EUR 0.36", "Own bicycle EUR 0.25"]
    assert above(PRINTED, 0) == ["Driving", "Vehicle Paid per kilometre"]


def test_a_wrapped_sentence_is_one_line_and_no_heading_is_glued_to_it():
    text = "Hotels\nThe limit for a hotel in any of the cities that we travel to is EUR 140 a night\nwith breakfast."
    (unit,) = units(text)
    assert shown(text, unit) == (
        "The limit for a hotel in any of the cities that we travel to is EUR 140 a night with breakfast."
    )
    assert unit.heading is not None
    assert text[slice(*unit.heading)] == "Hotels"


def test_an_item_is_read_and_shown_with_its_lead_in():
    text = "The release manager:\n\n- cuts the branch\n• publishes the notes"
    assert above(text, 1) == ["The release manager:"]
    assert shown(text, units(text)[1]) == "The release manager:\n\n- publishes the notes"


def test_a_small_table_is_shown_whole_as_markdown():
    expected = "| Office | Open |\n| --- | --- |\n| Ghent | 07:00 to 20:00 |\n| Aarhus | 07:30 to 18:30 |"
    assert shown(COLUMNS, units(COLUMNS)[0]) == expected


def test_of_a_long_table_the_header_and_the_row_are_shown():
    text = "| Data | Kept |\n|---|---|\n" + "\n".join(f"| kind {n} | {n} years |" for n in range(20))
    assert shown(text, units(text)[7]) == "| Data | Kept |\n| --- | --- |\n| kind 7 | 7 years |"


def test_a_record_is_its_line_and_a_text_field_loses_its_key():
    assert answers("date: 2027-05-17; holiday: Whit Monday\n\ndate: 2027-06-05; holiday: none") == [
        "date: 2027-05-17; holiday: Whit Monday",
        "date: 2027-06-05; holiday: none",
    ]
    assert answers("id: faq-01\nkind: question\ntext: Salaries are paid on the 25th.")[-1] == (
        "Salaries are paid on the 25th."
    )


def test_a_docstring_loses_its_quotes():
    assert answers('"""Work out the pay.\n\nReads a file.\n"""') == ["Work out the pay.", "Reads a file."]


def test_headings_alone_are_better_than_nothing():
    assert answers("# Title") == ["# Title"]
    assert answers("") == []
