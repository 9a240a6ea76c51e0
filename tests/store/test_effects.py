"""What is recorded of a run's effects, on both databases."""

import pytest

from contracts.errors import Unknown
from store import conversations, effects, ends, runs
from store.effects import Effect
from store.engine import Database
from tests.store.places import ANN, STRANGER


async def _run(database: Database) -> str:
    place = (await conversations.create(database, ANN))["id"]
    return (await runs.accept(database, ANN, place, "default", "Hello")).run_id


async def test_an_effect_is_open_until_its_first_result_is_recorded_and_then_keeps_it(
    database: Database,
) -> None:
    run = await _run(database)
    for _ in range(2):
        assert await effects.begin(database, ANN, run, "act0", 1, "tool") == Effect(False, None)
    kept = Effect(True, {"text": "30 \x00 \ud800", "ok": True})
    assert await effects.finish(database, ANN, run, "act0", 1, kept.result) == kept
    assert await effects.finish(database, ANN, run, "act0", 1, {"text": "31"}) == kept
    assert await effects.begin(database, ANN, run, "act0", 1, "tool") == kept


async def test_step_number_and_run_tell_effects_apart(database: Database) -> None:
    first, second = await _run(database), await _run(database)
    await effects.begin(database, ANN, first, "act0", 0, "tool")
    assert await effects.finish(database, ANN, first, "act0", 0, None) == Effect(True, None)
    for run, step, number in ((first, "act1", 0), (first, "act0", 1), (second, "act0", 0)):
        assert await effects.begin(database, ANN, run, step, number, "tool") == Effect(False, None)


async def test_an_effect_belongs_to_a_run_of_its_tenant_and_goes_with_it(database: Database) -> None:
    run = await _run(database)
    with pytest.raises(Unknown, match=run):
        await effects.begin(database, STRANGER, run, "act0", 0, "tool")
    await effects.begin(database, ANN, run, "act0", 0, "tool")
    place = (await runs.get(database, ANN, run))["conversation_id"]
    await ends.finish(database, ANN, run, "cancelled", "", {})
    await conversations.remove(database, ANN, place)
    assert await effects.finish(database, ANN, run, "act0", 0, "late") == Effect(True, "late")
    with pytest.raises(Unknown, match=run):
        await effects.begin(database, ANN, run, "act0", 0, "tool")
