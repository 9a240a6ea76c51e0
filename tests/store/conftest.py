"""Every test in this folder that takes `database` runs on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.engine import Database
from tests.store.places import KINDS, Place, open_place, postgres_place, sqlite_place


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database of its own with the newest tables."""
    with sqlite_place(tmp_path) if request.param == "sqlite" else postgres_place() as place:
        yield place


@pytest.fixture
async def database(place: Place) -> AsyncIterator[Database]:
    async with open_place(place) as database:
        yield database
