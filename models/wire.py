"""Tools as chat models are told of them."""

from collections.abc import Sequence
from typing import Any

from contracts.tools import Tool


def to_wire(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Return the tools as functions; where they are and who allows them is no matter of the model's."""
    return [
        {"type": "function", "function": tool.model_dump(include={"name", "description", "parameters"})}
        for tool in tools
    ]
