"""What is said of a call's arguments."""

from typing import Any

import pytest

from nodes.arguments import faults_of

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "note": {"type": ["string", "null"]},
        "how": {"enum": ["fast", "slow"]},
        "any": {},
    },
    "required": ["id"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        ({"id": 7, "note": None, "how": "fast", "any": [1]}, []),
        ({"id": 7.0}, []),
        ({}, ["The argument 'id' is missing."]),
        ({"id": True}, ["The argument 'id' must be of type integer."]),
        ({"id": 7.5}, ["The argument 'id' must be of type integer."]),
        ({"id": 7, "note": 3}, ["The argument 'note' must be of type string or null."]),
        ({"id": 7, "how": "now"}, ["The argument 'how' must be one of ['fast', 'slow']."]),
        ({"id": 7, "x": 1}, ["There is no argument 'x'."]),
        ({"how": 1, "x": 1}, [
            "The argument 'id' is missing.", "The argument 'how' must be one of ['fast', 'slow'].",
            "There is no argument 'x'.",
        ]),
    ],
)  # fmt: skip
def test_each_fault_is_named(arguments: dict[str, Any], faults: list[str]) -> None:
    assert faults_of(arguments, SCHEMA) == faults


def test_a_schema_that_says_nothing_lets_everything_pass() -> None:
    assert faults_of({"x": object()}, {"type": "object"}) == []
