"""An ingest that is killed and run again stores what a clean one does; and whatever differs is seen."""

from dataclasses import replace

import pytest

from bench.kills import figures, measure
from bench.kills.stored import Stored


@pytest.mark.timeout(400)
async def test_an_ingest_that_is_killed_at_any_moment_and_run_again_stores_what_a_clean_one_does() -> None:
    tally = await measure(kills=3, seed=4)
    assert figures(tally)["wrong"] == []
    assert tally.kills >= 3


CLEAN = Stored(
    {"1": {"payload": {"source": "a"}, "vectors": "x"}, "2": {"payload": {"source": "b"}, "vectors": "y"}},
    {"documents": ['{"source":"a"}', '{"source":"b"}'], "editions": [], "erasures": []},
)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (CLEAN, []),
        (replace(CLEAN, points={"1": CLEAN.points["1"]}), ["the point 2 is missing"]),
        (
            replace(CLEAN, points={**CLEAN.points, "3": {"payload": {"source": "c"}, "vectors": "z"}}),
            ["the point 3 is too much: c"],
        ),
        (
            replace(CLEAN, points={**CLEAN.points, "2": {"payload": {"source": "b"}, "vectors": "z"}}),
            ["the point 2 has another vectors"],
        ),
        (
            replace(CLEAN, rows={**CLEAN.rows, "editions": ['{"state":"pending"}']}),
            ['editions has {"state":"pending"}'],
        ),
        (
            replace(CLEAN, rows={**CLEAN.rows, "documents": ['{"source":"a"}']}),
            ['documents lacks {"source":"b"}'],
        ),
    ],
    ids=["same", "missing", "more", "vector", "row", "lost"],
)
def test_what_differs_is_named(other: Stored, said: list[str]) -> None:
    assert CLEAN.against(other) == said
