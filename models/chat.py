"""The chat models as the nodes see them: selection, counting, fitting, streaming and prices in one place."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage

from contracts.agents import ModelChoice
from contracts.errors import ModelUnavailable, TooLong
from contracts.state import Fit, Passage, Task, Turn
from contracts.tools import Tool
from models import smalltalk
from models.budget import fit
from models.pool import Pool
from models.prices import Prices
from models.selection import model_for
from models.tokens import estimate
from models.wire import to_wire

REWRITTEN: Final = 120
"""Tokens of a follow-up question in other words."""
REWRITE_S: Final = 10.0
"""Seconds that a person waits for it before the question is taken as it is."""
RESERVE: Final = 1024
"""Tokens kept free for the answer."""
Ask = Callable[[str, Sequence[Passage]], str]
"""Writes the last message from the question and the passages, as it will be sent."""
Exact = Callable[[Sequence[BaseMessage]], int]
"""Counts a prompt's tokens with the model's own tokenizer; may block."""


class PoolChat:
    """The Chat of one agent over a pool of hosts."""

    def __init__(
        self,
        pool: Pool,
        choice: ModelChoice,
        ask: Ask,
        *,
        prices: Prices | None = None,
        exact: Exact | None = None,
        reserve: int = RESERVE,
        rewrites: bool = False,
        patience: float = REWRITE_S,
        about: smalltalk.About = smalltalk.NOBODY,
    ) -> None:
        self._pool, self._choice, self._ask = pool, choice, ask
        self._prices, self._exact, self._reserve = prices or Prices(), exact, reserve
        self._rewrites, self._patience, self._about = rewrites, patience, about

    def select(self, task: Task) -> str:
        """Return the name of the model for the task."""
        return model_for(task, self._choice)

    def limit(self, model: str) -> int:
        """Return the model's context in tokens, prompt and answer together."""
        return self._pool.limit(model)

    async def count(self, messages: Sequence[BaseMessage]) -> int:
        """Return the prompt's tokens: exact where the model can count, else an estimate from above."""
        return estimate(messages) if self._exact is None else await asyncio.to_thread(self._exact, messages)

    async def fit(
        self,
        model: str,
        system: str,
        turns: Sequence[Turn],
        passages: Sequence[Passage],
        question: str,
        tools: Sequence[Tool] = (),
    ) -> tuple[list[Turn], list[Passage], Fit]:
        """Return the turns and passages that fit beside the answer; raises TooLong for the question alone."""

        described = _described(tools)

        def render(turns: Sequence[Turn], passages: Sequence[Passage]) -> list[BaseMessage]:
            said = [
                (HumanMessage if turn["role"] == "user" else AIMessage)(turn["content"]) for turn in turns
            ]
            return [*described, SystemMessage(system), *said, HumanMessage(self._ask(question, passages))]

        limit = self.limit(model)
        fitted = await fit(
            render, turns, passages, count=self.count, limit=limit, reserve=self._reserve_of(limit)
        )
        return fitted.turns, fitted.passages, fitted.fit

    def stream(
        self, model: str, messages: Sequence[BaseMessage], tools: Sequence[Tool] = ()
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream the answer or its tool calls, no longer than the reserve; raises ModelUnavailable if it breaks off."""
        if model == smalltalk.NAME:
            return self._pool.stream(model, messages, about=self._about)
        room = self._reserve_of(self.limit(model))
        if messages[-1].type == "ai":  # begun already: the whole is no longer than the reserve
            room = max(room - estimate(messages[-1:]), 1)
        offered = {"tools": to_wire(tools)} if tools else {}
        return self._pool.stream(model, messages, max_tokens=room, **offered)

    async def shorten(
        self,
        model: str,
        messages: Sequence[BaseMessage],
        text: str,
        tools: Sequence[Tool] = (),
        shares: int = 1,
    ) -> str:
        """Return as much of the text's front as fits behind the messages, one of so many equal shares of the room."""
        limit = self.limit(model)
        free = limit - self._reserve_of(limit) - estimate([*_described(tools), *messages])
        room, low, high = free // shares, 0, len(text)
        while low < high:  # the whole is tried first: it mostly fits
            length = high if low == 0 and high == len(text) else (low + high + 1) // 2
            if estimate([HumanMessage(text[:length])]) <= room:
                low = length
            else:
                high = length - 1
        return text[:low]

    async def calls(self, model: str) -> bool:
        """Tell whether the model can call tools."""
        return await self._pool.calls(model)

    async def continues(self, model: str) -> bool:
        """Tell whether the model goes on from a last message that is its own, begun and not ended."""
        return await self._pool.continues(model)

    async def repeats(self, model: str) -> bool:
        """Tell whether the model says the same again to the same prompt."""
        return await self._pool.repeats(model)

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price in the configured currency; 0.0 for models without one."""
        return self._prices.cost(model, prompt_tokens, completion_tokens)

    async def rewrite(self, messages: Sequence[BaseMessage]) -> str | None:
        """Return the fast model's text, or None where it is not good enough for this or no host answers."""
        if not self._rewrites:
            return None
        pieces: list[str] = []
        try:
            async with asyncio.timeout(self._patience):
                async for chunk in self._pool.stream(
                    self.select("smalltalk"), messages, max_tokens=REWRITTEN, temperature=0.0
                ):
                    pieces.append(chunk.text)
        except (ModelUnavailable, TooLong, TimeoutError):
            return None
        return "".join(pieces)

    def _reserve_of(self, limit: int) -> int:
        """Return the answer's share: never more than half of a small context."""
        return min(self._reserve, limit // 2)


def _described(tools: Sequence[Tool]) -> list[BaseMessage]:
    """Return what the model reads of the tools, as a message that counts as much."""
    return [SystemMessage(json.dumps(to_wire(tools)))] if tools else []
