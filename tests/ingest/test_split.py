"""Chunks: exact offsets, nothing lost, cut where a reader would cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts.documents import Document, Section
from ingest.load import load_bytes
from ingest.measure import Ruler, estimate
from ingest.split import TARGET, split

WORDS = st.text(alphabet="ab .\n,:;|-`#é한0\t\u2028", max_size=400)
TEXTS = st.lists(
    WORDS | st.sampled_from(["word " * 300, "x" * 3000, "a\n" * 400, "| a | b |\n" * 90]), max_size=6
)


@given(TEXTS, st.integers(0, 50))
def test_every_chunk_is_a_part_of_the_text_and_no_word_is_lost(texts: list[str], gap: int) -> None:
    text = "".join(texts)
    middle = len(text) // 2
    sections = (Section(0, middle, ("One",)), Section(min(middle + gap, len(text)), len(text), ("Two",)))
    chunks = split(Document("a.md", "Title", text, sections))
    covered = [False] * len(text)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip()
        covered[chunk.start : chunk.end] = [True] * len(chunk.text)
    for section in sections:
        lost = [
            text[i] for i in range(section.start, section.end) if not covered[i] and not text[i].isspace()
        ]
        assert lost == []


@given(TEXTS)
def test_chunks_follow_one_another_without_overlap_and_within_the_target(texts: list[str]) -> None:
    text = "".join(texts)
    chunks = split(Document("a.md", "", text, (Section(0, len(text)),)))
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert all(before.end <= after.start for before, after in pairwise(chunks))
    assert all(estimate(chunk.text) <= TARGET + 1 for chunk in chunks)


@given(WORDS)
def test_a_ruler_measures_the_whole_as_the_estimate_does(text: str) -> None:
    assert abs(Ruler(text, 0, len(text)).tokens(0, len(text)) - estimate(text)) < 1e-6


def chunks_of(text: str) -> list[str]:
    return [chunk.text for chunk in split(load_bytes(text.encode(), "a.md"))]


def test_a_cut_falls_between_paragraphs_rather_than_inside_of_them() -> None:
    paragraph = "This sentence has exactly eight words in it. " * 12
    assert chunks_of(f"{paragraph}\n\n{paragraph}\n\n{paragraph}") == [paragraph.strip()] * 3


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    found = chunks_of("This sentence has exactly eight words in it. " * 60)
    assert len(found) == 3
    assert all(chunk.endswith("it.") for chunk in found)


def test_a_table_stays_whole_beside_long_text() -> None:
    table = "| day | place |\n|---|---|\n" + "| Monday | Ghent |\n" * 14
    text = "Words that fill the chunk above the table. " * 14
    assert table.strip() in chunks_of(f"{text}\n\n{table}\n\n{text}")


def test_fenced_code_with_blank_lines_stays_whole() -> None:
    code = "```python\n" + "value = 1\n\n" * 20 + "```"
    text = "Words that fill the chunk above the code. " * 15
    assert any(code in chunk for chunk in chunks_of(f"{text}\n\n{code}\n\n{text}"))


def test_a_chunk_keeps_title_headings_and_page() -> None:
    document = Document(
        "a.pdf", "Travel", "Hotels cost.", (Section(0, 12, ("Hotels", "Limits"), 3),), ("hr",)
    )
    (chunk,) = split(document)
    assert (chunk.source, chunk.title, chunk.headings, chunk.page, chunk.groups) == (
        "a.pdf",
        "Travel",
        ("Hotels", "Limits"),
        3,
        ("hr",),
    )
    assert chunk.embedded_text() == "Travel > Hotels > Limits\nHotels cost."


def test_long_headings_leave_room_for_text() -> None:
    path = tuple(f"{n} " + "a rather long heading of many words " * 3 for n in range(9))
    chunks = split(Document("a.md", "T", "Some words to read. " * 50, (Section(0, 1000, path),)))
    assert all(estimate(chunk.embedded_text()) <= TARGET + 10 for chunk in chunks)
    assert chunks[0].headings[-1] == path[-1]
