"""A real database with one accepted run, for what a run does outside."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store import conversations, runs
from store.engine import Database
from tests.graph.parts import ANN
from tests.store.places import Place, open_place, sqlite_place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with sqlite_place(tmp_path) as place:
        yield place


@pytest.fixture
async def database(place: Place) -> AsyncIterator[Database]:
    async with open_place(place) as database:
        yield database


@pytest.fixture
async def thread(database: Database) -> str:
    """The run whose effects are journalled."""
    place = (await conversations.create(database, ANN))["id"]
    return (await runs.accept(database, ANN, place, "default", "Hello")).run_id
