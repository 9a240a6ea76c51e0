"""CSV, JSON and JSON Lines become lines that read alone."""

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import load_bytes
from ingest.split import split


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_row_carries_its_headers(mark: str) -> None:
    text = f'Name{mark}City\nAda{mark}"Ghent{mark}\nEast"\nBob{mark}\n'
    document = load_bytes(text.encode(), "people.csv")
    city = " ".join(f"Ghent{mark}\nEast".replace("|", "/").split())
    assert document.text == f"| Name | City |\n| --- | --- |\n| Ada | {city} |\n| Bob |  |"


def test_a_table_without_a_header_keeps_every_row() -> None:
    assert load_bytes(b"1,2\n3,4\n", "n.csv").text == "| 1 | 2 |\n| --- | --- |\n| 3 | 4 |"


def test_each_piece_of_a_long_table_begins_with_its_header() -> None:
    rows = "".join(f"{n},town {n},{n * 1000}\n" for n in range(1, 101))
    document = load_bytes(f"no,name,people\n{rows}".encode(), "towns.csv")
    pieces = document.text.split("\n\n")
    assert len(pieces) > 5
    assert {piece.split("\n")[0] for piece in pieces} == {"| no | name | people |"}
    kept = [line for piece in pieces for line in piece.split("\n")[2:]]
    assert kept == [f"| {n} | town {n} | {n * 1000} |" for n in range(1, 101)]
    assert all(chunk.text.startswith("| no | name | people |") for chunk in split(document))


def test_rows_of_prose_become_lines_that_name_their_columns() -> None:
    long = "word " * 90
    text = f"question,answer\nWhy?,{long}\nHow?,{long}\n"
    assert load_bytes(text.encode(), "faq.csv").text.split("\n\n") == [
        f"question: Why?; answer: {long.strip()}",
        f"question: How?; answer: {long.strip()}",
    ]


def test_records_become_keys_and_values() -> None:
    text = (
        b'[{"city": "Ghent", "tags": ["a", "b"], "open": true, "none": null, "at": {"day": 2}}, {"n": 1.50}]'
    )
    assert load_bytes(text, "r.json").text == "city: Ghent\ntags: a, b\nopen: true\nat.day: 2\n\nn: 1.5"


def test_a_record_with_a_title_and_prose_stands_under_it() -> None:
    body = "Salaries are paid on the 25th of each month, or before."
    document = load_bytes(f'{{"question": "When?", "text": "{body}"}}\n\n{{"a": 1}}\n'.encode(), "faq.jsonl")
    first = document.sections[0]
    assert first.headings == ("When?",)
    assert document.text[first.start : first.end].strip() == f"text: {body}\n\na: 1"
    assert document.title == "faq"


def test_a_line_separator_inside_of_a_string_does_not_end_the_line() -> None:
    assert load_bytes('{"a": "x\u2028y"}\n'.encode(), "r.jsonl").text == "a: x\u2028y"


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b'{"a": 1}\n{"a": \n', "x.jsonl", "x.jsonl is not JSON Lines: line 2 is not JSON."),
        (b'[{"a": 1},\n {"a" 2}]', "x.json", "x.json is not JSON: line 2 cannot be read."),
        (b'[{"a": 1}', "x.json", "x.json is not JSON: it ends in the middle of a value."),
        (b"[" * 200_000, "x.json", "x.json cannot be read: its values are nested too deeply."),
        (b"[]", "x.json", "x.json holds no text."),
    ],
)
def test_broken_json_is_refused_with_its_place(data: bytes, name: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as refused:
        load_bytes(data, name)
    assert refused.value.message == reason


def test_what_no_database_can_store_is_replaced() -> None:
    assert load_bytes(rb'{"a": "\ud800x\u0000"}', "r.json").text == "a: \ufffdx\ufffd"
