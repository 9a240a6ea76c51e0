"""`bench growth`: its comparison, and a small run of it."""

from bench import growth
from bench.growth import Cost


def test_a_late_turn_is_compared_with_an_early_one_by_medians():
    early = [Cost(10.0, 1000), Cost(90.0, 9000), Cost(20.0, 2000)]
    late = [Cost(25.0, 1000), Cost(30.0, 1000), Cost(1.0, 1000)]
    found = growth.compared(early, late)
    assert found["early"] == {"cpu": 20.0, "written": 2.0}
    assert found["times"] == {"cpu": 1.25, "written": 0.5}


async def test_a_small_run_says_what_turns_cost():
    found = await growth.measure(turns=12, rounds=1)
    assert (found["bench"], found["turns"]) == ("growth", 12)
    assert found["early"]["cpu"] > 0
    assert found["late"]["written"] > 0
