"""What a run of the chaos says in the end: how each finding is played again, and whether recovery is fast enough."""

import inspect
import re
from typing import Any

import pytest

from bench.__main__ import parser
from bench.chaos import run
from bench.chaos.case import Ended
from bench.chaos.judge import LEFT, LOST
from bench.chaos.plan import EMBEDDED, KILL, PLACES, Case, Size, draw
from bench.chaos.rig import Rig
from bench.chaos.strike import MORE, Striker
from bench.chaos.tally import JUDGED, MISSED, REACHED, RECOVERY_S, Tally, table


def body_of(tally: Tally) -> dict[str, Any]:
    found = Rig([], "", None)  # type: ignore[arg-type] - nothing runs
    return tally.body(Striker(found), found)


def drawn(line: str) -> Case:
    """Return the case that the command draws with the options that the line names."""
    options = re.sub(r".*(?=--on )|: .*|\].*", "", line).split()
    told = parser().parse_args(["chaos", *options])
    return draw(told.seed, told.only or 0, told.on, Size(told.streams, told.faults))


@pytest.mark.parametrize("place", PLACES)
def test_what_a_finding_names_plays_its_case_again(place: str, capsys: pytest.CaptureFixture[str]):
    tally = Tally(7, place, Size((6, 8), 2))
    case = draw(7, 3, place, tally.size)
    tally.take(Ended(case, [], [(LOST, "an event")]))
    tally.take_left([(LEFT, "a file")])
    lost, left = capsys.readouterr().err.splitlines()
    assert drawn(lost) == case
    assert drawn(left) == drawn(table(body_of(tally)).splitlines()[0]) == draw(7, 0, place, tally.size)


def test_the_command_plays_what_the_function_plays():
    told, able = vars(parser().parse_args(["chaos"])), inspect.signature(run).parameters
    assert {name: told[name] for name in able if name != "json"} == {
        name: one.default for name, one in able.items() if name != "json"
    }


@pytest.mark.parametrize("text", ["8", "8,6", "0,5", "a,b", "6,8,9", ""])
def test_streams_that_are_no_two_numbers_are_bad_usage(text: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["chaos", "--streams", text])
    assert ended.value.code == 2
    assert f"{text!r} must be the fewest and the most, such as 20,50" in capsys.readouterr().err


FAST, SLOW = RECOVERY_S - 1, RECOVERY_S + 1


@pytest.mark.parametrize(
    ("kills", "others", "judged"),
    [
        ([FAST] * 96 + [SLOW] * 4, [], REACHED),
        ([FAST] * 94 + [SLOW] * 6, [], MISSED),
        ([RECOVERY_S] * JUDGED, [SLOW] * JUDGED, REACHED),
        ([SLOW] * JUDGED, [FAST] * 1000, MISSED),
        ([SLOW] * (JUDGED - 1), [SLOW] * JUDGED, ""),
        ([], [], ""),
    ],
)
def test_recovery_from_kills_is_judged_where_there_were_enough(
    kills: list[float], others: list[float], judged: str
):
    tally = Tally(1, EMBEDDED, Size(), recovered={KILL: kills, KILL + MORE: others})
    said = table(body_of(tally))
    assert (tally.recovery(), tally.passed()) == (judged, judged != MISSED)
    (row,) = (row for row in said.splitlines() if row.startswith("recovery"))
    assert row.endswith(f": {judged or 'not judged'}")
    assert str(len(kills)) in row
