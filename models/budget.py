"""What fits into the model's context, decided before the call: Ollama would cut the front off in silence.

Dropped are first the lowest-ranked passages down to the best few, then the oldest turns, then the last
passages. The question and the instructions are never dropped.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from langchain_core.messages import BaseMessage

from contracts.errors import TooLong
from contracts.state import Fit, Passage, Turn

Render = Callable[[Sequence[Turn], Sequence[Passage]], list[BaseMessage]]
"""Makes the prompt as it will be sent: instructions, these turns, these passages, the question."""
Count = Callable[[Sequence[BaseMessage]], Awaitable[int]]
"""Counts a prompt's tokens."""

BEST: Final = 2
"""Passages that are worth more than the oldest turns."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits, and what is in it."""

    messages: list[BaseMessage]
    turns: list[Turn]
    passages: list[Passage]
    fit: Fit


async def fit(
    render: Render,
    turns: Sequence[Turn],
    passages: Sequence[Passage],
    *,
    count: Count,
    limit: int,
    reserve: int,
) -> Fitted:
    """Return the fullest prompt of at most `limit - reserve` tokens.

    `turns` come newest last, `passages` best first; `reserve` is left for the answer. Raises TooLong where
    the question does not fit even alone.
    """
    room = limit - reserve

    async def tried(first: int, last: int) -> Fitted | None:
        """Return the prompt with the turns from `first` and the passages before `last`, if it fits."""
        kept, read = _whole(turns, first), list(passages[:last])
        messages = render(kept, read)
        tokens = await count(messages)
        if tokens > room and not kept and not read:
            raise TooLong(
                f"The question takes {tokens} tokens with its instructions, more than the {room} that the "
                f"model can read beside its answer ({limit} less {reserve}). Shorten the question."
            )
        dropped = Fit(
            limit=limit,
            prompt_tokens=tokens,
            dropped_passages=len(passages) - len(read),
            dropped_turns=len(turns) - len(kept),
        )
        return Fitted(messages, kept, read, dropped) if tokens <= room else None

    best = min(BEST, len(passages))
    for cuts in (
        [(0, last) for last in range(len(passages), best - 1, -1)],
        [(first, best) for first in range(1, len(turns) + 1)],
        [(len(turns), last) for last in range(best - 1, -1, -1)],
    ):
        if found := await _first(tried, cuts):
            return found
    raise AssertionError("the empty prompt fits or is too long")


def _whole(turns: Sequence[Turn], first: int) -> list[Turn]:
    """Return the turns from `first` on; once cut, they start with a question: some templates insist."""
    kept = list(turns[first:])
    while first and kept and kept[0]["role"] == "assistant":
        kept = kept[1:]
    return kept


async def _first(
    tried: Callable[[int, int], Awaitable[Fitted | None]], cuts: list[tuple[int, int]]
) -> Fitted | None:
    """Return the first of ever shorter prompts that fits, by bisection; None where not even the last does."""
    if not cuts:
        return None
    if found := await tried(*cuts[0]):
        return found
    low, high, best = 1, len(cuts) - 1, None
    while low <= high:
        middle = (low + high) // 2
        if found := await tried(*cuts[middle]):
            best, high = found, middle - 1
        else:
            low = middle + 1
    return best
