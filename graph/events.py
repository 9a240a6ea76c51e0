"""Which events a node's update becomes: a pure function, in the order in which clients see them."""

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.events import Event

ANSWERS = frozenset({"auto_answer", "canonical"})


def to_events(update: Mapping[str, Any], passages: list[dict[str, Any]]) -> Iterator[Event]:
    """Yield the events of one node's update. `passages`: what was retrieved so far in this run."""
    if decision := update.get("decision"):
        yield "decision", decision
        found = update.get("passages", passages)
        if decision["path"] in ANSWERS and decision["task"] != "smalltalk":
            yield "sources", {"passages": found}
    if fit := update.get("fit"):
        yield "context", fit
    for citation in update.get("citations") or ():
        yield "citation", citation
    if queued := update.get("queued"):
        yield "queue", queued
    if actions := update.get("actions"):
        yield "suggestions", {"actions": actions}
