"""AsciiDoc, captions and code on web pages: what their marks mean is kept, the marks are not."""

import pytest

from contracts.errors import UnreadableDocument
from ingest.load import load_bytes


def test_asciidoc_becomes_markdown() -> None:
    text = (
        "= Guide\n:toc:\nAda <a@a.example>\n\n// note to self\n== Install\n\n.Steps\n* get it\n** unpack\n. run\n\n"
        '[source,python]\n----\n= not a title\nprint(1)\n----\n\n[cols="1,1"]\n|===\n|Name |Age\n\n|Ada\n|36\n|===\n\n'
        "See https://a.example[the site] and image:i.png[logo].\n\nNOTE: mind\nthis\n"
    )
    document = load_bytes(text.encode(), "guide.adoc")
    assert document.title == "Guide"
    assert document.text == (
        "# Guide\n\nAda <a@a.example>\n\n## Install\n\nSteps\n\n- get it\n  - unpack\n1. run\n\n"
        "```python\n= not a title\nprint(1)\n```\n\n| Name | Age |\n| --- | --- |\n| Ada | 36 |\n\n"
        "See the site and logo.\n\nNOTE: mind\nthis"
    )
    assert [section.headings for section in document.sections] == [(), ("Install",)]


def test_captions_stand_under_the_time_at_which_they_are_said() -> None:
    text = (
        "WEBVTT\n\nNOTE made by hand\n\n1\n00:01.000 --> 00:04.000 align:left\n<v Ada>We are <i>in</i> Ghent\n\n"
        "00:03.000 --> 00:06.000\n<v Ada>We are <i>in</i> Ghent\n\n00:59.000 --> 01:01.000\nTom &amp; Ann\n\n"
        "01:02:05.500 --> 01:02:07.000\nLater\n"
    )
    document = load_bytes(text.encode(), "talk.vtt")
    found = [(s.headings, document.text[s.start : s.end].strip()) for s in document.sections]
    assert found == [(("00:00:01",), "Ada: We are in Ghent\nTom & Ann"), (("01:02:05",), "Later")]
    srt = b"1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}Hello\r\n\r\n"
    assert load_bytes(srt, "talk.srt").text == "Hello"


def test_captions_without_any_are_refused() -> None:
    with pytest.raises(UnreadableDocument, match=r"x\.vtt holds no captions"):
        load_bytes(b"WEBVTT\n\nNOTE nothing\n", "x.vtt")


def test_code_on_a_page_keeps_its_language_and_merged_cells_are_repeated() -> None:
    page = (
        b'<pre><code class="language-python">x = 1</code></pre><table><tr><th>Year</th><th>Quarter</th></tr>'
        b'<tr><td rowspan="2">2025</td><td>Q1</td></tr><tr><td>Q2</td></tr></table><ol start="7"><li>seven</li></ol>'
    )
    assert load_bytes(page, "p.html").text == (
        "```python\nx = 1\n```\n\n| Year | Quarter |\n| --- | --- |\n| 2025 | Q1 |\n| 2025 | Q2 |\n\n7. seven"
    )


def test_a_cell_that_claims_to_span_a_million_columns_does_not() -> None:
    cells = b'<td colspan="1000000" rowspan="1000000">x</td>' * 50
    page = b"<table>" + b"<tr>" + cells + b"</tr>" + b"<tr><td>y</td></tr>" * 300 + b"</table>"
    assert len(load_bytes(page, "p.html").text) < 2_000_000


def test_a_page_named_as_text_is_read_as_what_it_is() -> None:
    assert load_bytes(b"<?xml version='1.0'?><html><body><p>Hi</p></body></html>", "a.txt").text == "Hi"
    assert load_bytes(b"WEBVTT\n\n00:01.000 --> 00:04.000\nHi\n", "a.txt").text == "Hi"
