"""Sentences as spans of the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.sentences import split

CASES = {
    "abbreviations": ("Dr. Smith paid J. R. Brown Inc. in the U.S. market. He left.",
                      ["Dr. Smith paid J. R. Brown Inc. in the U.S. market.", "He left."]),
    "decimals and versions": ("It costs 3.50 euros. Use 2.1 or later.", ["It costs 3.50 euros.", "Use 2.1 or later."]),
    "quotes": ('Did he? "Yes." He did!', ["Did he?", '"Yes."', "He did!"]),
    "wrapped lines": ("First line\nwraps here. Next one.", ["First line\nwraps here.", "Next one."]),
    "headings": ("# Title\nText here.\n## Part\nMore.", ["# Title", "Text here.", "## Part", "More."]),
    "lists": ("To do:\n- item one\n- item two\n1. Step one", ["To do:", "- item one", "- item two", "1. Step one"]),
    "tables": ("| a | b |\n|---|---|\n| 1 | 2 |", ["| a | b |", "|---|---|", "| 1 | 2 |"]),
    "paragraphs": ("No full stop\n\nAnother", ["No full stop", "Another"]),
    "Chinese": ("今天下雨。我们走吧！好吗？", ["今天下雨。", "我们走吧！", "好吗？"]),
    "a year at the end": ("It was 2026. In May it rained.", ["It was 2026.", "In May it rained."]),
    "nothing": (" \n ", []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_sentences_end_where_a_reader_would_end_them(case: str) -> None:
    text, expected = CASES[case]
    assert [text[first:last] for first, last in split(text)] == expected


@given(st.text(alphabet="aA1 .!?。\n|-#:)é\t", max_size=80))
def test_nothing_but_white_space_lies_between_sentences(text: str) -> None:
    at = 0
    for first, last in split(text):
        assert first >= at
        assert not text[at:first].strip()
        assert text[first:last] == text[first:last].strip() != ""
        at = last
    assert not text[at:].strip()
