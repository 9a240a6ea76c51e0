"""Which model does which task."""

from typing import Literal

from contracts.agents import ModelChoice
from contracts.state import Task


def model_for(task: Task | Literal["rewrite"], models: ModelChoice) -> str:
    """Return the model's name: the task's own, else the primary, else any; empty where none is named."""
    match task:
        case "analysis":
            own = models.analysis
        case "code":
            own = models.code
        case "smalltalk" | "rewrite":
            own = models.fast
        case "answer":
            own = models.primary
    return own or models.primary or models.fast or models.analysis or models.code
