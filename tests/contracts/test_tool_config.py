"""What can be a tool of an agent, and what an agent can be told of approval."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.agents import AgentConfig
from contracts.tools import Tool

GOOD: dict[str, Any] = {"name": "stock", "description": "Counts", "url": "https://shop.example/stock"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "in stock"}, "should match pattern"),
        ({"name": "9"}, "should match pattern"),
        ({"url": "ftp://shop.example"}, "must begin with http:// or https:// and name a host"),
        ({"url": "http://"}, "must begin with http:// or https:// and name a host"),
        ({"url": "http://shop:99999/"}, "must begin with http:// or https:// and name a host"),
        ({"parameters": {"type": "array"}}, "must be a JSON schema such as"),
        (
            {"parameters": {"type": "object", "properties": {"item": {"enum": 5}}}},
            "must be a JSON schema such as",
        ),
        (
            {"parameters": {"type": "object", "properties": {"item": "string"}}},
            "must be a JSON schema such as",
        ),
        ({"parameters": {"type": "object", "x": "y" * 8000}}, "no longer than 8,000 characters"),
        ({"parameters": {"type": "object", "required": "item"}}, "must be a JSON schema such as"),
        ({"timeout": 61}, "less than or equal to 60"),
        ({"description": ""}, "at least 1 character"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_with_the_reason(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Tool(**{**GOOD, **change})
    assert words in str(refused.value)


def test_a_tool_asks_a_person_unless_it_is_told_not_to() -> None:
    assert Tool(**GOOD).approve is True
    assert Tool(**GOOD).timeout == 10


def test_an_agent_has_at_most_twenty_tools_each_with_a_name_of_its_own() -> None:
    tools = [{**GOOD, "name": f"tool_{n}"} for n in range(21)]
    assert len(AgentConfig.model_validate({"tools": tools[:20]}).tools) == 20
    with pytest.raises(ValidationError, match="at most 20"):
        AgentConfig.model_validate({"tools": tools})
    with pytest.raises(ValidationError, match="a name of its own"):
        AgentConfig.model_validate({"tools": [GOOD, GOOD]})


@pytest.mark.parametrize(
    "change", [{"approve_below": 1.1}, {"approval_expires": 59}, {"approval_expires": 2_592_001}]
)
def test_approval_has_bounds(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AgentConfig(**change)


def test_without_a_word_nothing_waits_for_a_person() -> None:
    agent = AgentConfig()
    assert (agent.approve_below, agent.approval_expires, agent.tools) == (0, 86_400, [])
