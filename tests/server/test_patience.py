"""What an outage of the database keeps from being stored is tried again, for a while."""

import sqlite3

import pytest

from server.patience import until_stored


class Flaky:
    """A store that refuses so often, then takes."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times, self.error, self.tried = times, error, 0

    async def __call__(self) -> str:
        self.tried += 1
        if self.tried <= self.times:
            raise self.error
        return "stored"


async def test_an_outage_is_waited_for() -> None:
    store = Flaky(3, sqlite3.OperationalError("disk I/O error"))
    assert await until_stored(store) == "stored"
    assert store.tried == 4


async def test_a_defect_is_not_tried_again() -> None:
    store = Flaky(3, ValueError("completed is not an end"))
    with pytest.raises(ValueError, match="not an end"):
        await until_stored(store)
    assert store.tried == 1


async def test_an_outage_that_stays_is_told_in_the_end() -> None:
    store = Flaky(1000, sqlite3.OperationalError("disk I/O error"))
    with pytest.raises(sqlite3.OperationalError):
        await until_stored(store, patience=0.3)
    assert 2 <= store.tried <= 4
