"""In which calls sources are written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.documents import Chunk
from retrievers.contents import BATCH, Content, calls_for


def content(source: str, count: int, rows: int | None = None) -> Content:
    chunks = [Chunk(source, "", str(at), 0, 1, position=at) for at in range(count)]
    dense = np.arange(count if rows is None else rows, dtype=np.float32)[:, None]
    return Content(source, "v1", chunks, dense, [([at], [1.0]) for at in range(count)])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 3 * BATCH), max_size=8))
def test_each_source_is_written_from_its_last_chunk_to_its_first_and_whole_where_it_fits(
    sizes: list[int],
) -> None:
    calls = list(calls_for([content(str(number), size) for number, size in enumerate(sizes)]))

    assert all(0 < len(call) <= BATCH for call in calls)
    for number, size in enumerate(sizes):
        parts = [[row for row in call if row.content.source == str(number)] for call in calls]
        rows = [row for part in parts for row in part]
        backwards = list(range(size - 1, -1, -1))
        assert [row.chunk.position for row in rows] == backwards
        assert [row.vector.tolist() for row in rows] == [[float(at)] for at in backwards]
        assert [row.terms[0] for row in rows] == [[at] for at in backwards]
        assert size > BATCH or len([part for part in parts if part]) <= 1


def test_small_sources_share_a_call() -> None:
    calls = list(calls_for([content(str(number), 2) for number in range(BATCH)]))

    assert [len(call) for call in calls] == [BATCH, BATCH]


def test_a_chunk_without_a_vector_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(calls_for([content("a.md", 2, rows=1)]))
