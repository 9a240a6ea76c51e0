"""Where a run goes next: pure functions of the state.

They are coroutines because LangGraph calls a plain function in a thread of its own: 0.1 ms each, 1 ms beside
other work, for a comparison.
"""

from typing import Literal

from contracts.state import RunState


async def after_guard(state: RunState) -> Literal["refuse", "recall"]:
    """Stop a blocked message; let the rest pass."""
    return "refuse" if state.get("blocked") else "recall"


async def after_recall(state: RunState) -> Literal["canonical", "understand"]:
    """Give an answer that stands already; work out the others."""
    return "canonical" if state.get("recalled") else "understand"


async def after_understand(state: RunState) -> Literal["retrieve", "decide"]:
    """Small talk and the wish for a person need no documents."""
    return "decide" if state.get("task") == "smalltalk" or state.get("intent") == "person" else "retrieve"


async def after_decide(state: RunState) -> Literal["select_model", "clarify", "escalate", "queue", "refuse"]:
    """Go the way that was decided; what a person will look at is written first."""
    if state.get("approval"):
        return "select_model"
    path = state["decision"]["path"]  # pyright: ignore[reportTypedDictNotRequiredAccess] - decide has written it
    return "select_model" if path in {"auto_answer", "canonical"} else path  # pyright: ignore[reportReturnType]


async def after_generate(state: RunState) -> Literal["act", "verify"]:
    """Make the calls that the answer needs; look at one that is whole."""
    return "act" if state.get("calls") else "verify"


async def after_act(state: RunState) -> Literal["act", "generate"]:
    """Make the next call, and let the model read the results when all are made."""
    return "act" if state.get("calls") else "generate"


async def after_verify(state: RunState) -> Literal["approve", "record"]:
    """Let a person look at what needs it."""
    return "approve" if state.get("approval") else "record"
