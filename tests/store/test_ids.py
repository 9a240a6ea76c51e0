"""Ids and times."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import BadRequest, SetupError
from store.columns import to_storable
from store.engine import engine_for
from store.ids import id_for, now, time_of, to_time


def test_ids_rise_in_the_order_they_were_made() -> None:
    made = [id_for("msg") for _ in range(5000)]
    assert sorted(set(made)) == made
    assert {len(one) for one in made} == {30}


@given(st.lists(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))))
def test_times_sort_as_text_and_come_back(moments: list[datetime]) -> None:
    texts = [to_time(one) for one in moments]
    assert sorted(texts) == [to_time(one) for one in sorted(moments)]
    assert [datetime.fromisoformat(one) for one in texts] == moments


def test_a_time_without_a_zone_is_utc() -> None:
    assert (
        time_of("2026-01-31T10:00:00+01:00") == time_of("2026-01-31T09:00") == "2026-01-31T09:00:00.000000Z"
    )
    assert len(now()) == 27
    for wrong in ("", "soon", "2026-13-01", "0001-01-01T00:00:00+23:59"):
        with pytest.raises(BadRequest):
            time_of(wrong)


@given(st.text(st.characters(codec=None)))
def test_stored_text_is_always_valid_and_valid_text_is_unchanged(text: str) -> None:
    stored = to_storable(text)
    assert "\x00" not in stored
    stored.encode()
    assert to_storable(stored) == stored
    if "\x00" not in text and not any("\ud800" <= one <= "\udfff" for one in text):
        assert stored == text


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite://", "sqlite:///:memory:"])
def test_another_database_is_refused_with_the_way_out(url: str) -> None:
    with pytest.raises(SetupError, match=r"sqlite:////folder/file\.db or postgresql"):
        engine_for(url)
