"""The events of a run's stream, as design.md section 5 lists them.

Every event but heartbeats and `gap` is in the run log and carries the log's id.
"""

from typing import Any, Final, Literal

EventName = Literal[
    "run", "decision", "sources", "context", "token", "citation", "queue", "interrupt",
    "usage", "suggestions", "done", "error", "restart", "gap", "progress", "mark",
]  # fmt: skip
"""`mark` is for a run's owners alone: no client sees it."""

RunStatus = Literal[
    "running", "waiting", "paused", "completed", "cancelled", "queued", "escalated", "refused", "interrupted", "failed",
]  # fmt: skip
"""`waiting` is a run in the line, `paused` one that a person lets go on; the others but `running` are ends."""

TERMINAL: Final = frozenset({"done", "error"})

Event = tuple[EventName, dict[str, Any]]
"""An event's name and its data."""
