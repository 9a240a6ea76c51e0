"""The hosts that run models, and which of them answers a request.

A request moves to another host only before its first token: what the reader has seen is never told twice.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from contracts.errors import ModelUnavailable


class Host(Protocol):
    """A place where models run."""

    @property
    def name(self) -> str:
        """Return what a person would call it; no password in it."""
        ...

    async def tags(self) -> frozenset[str]:
        """Return the names of the models that are there; raises ModelUnavailable."""
        ...

    def chat(self, model: str) -> BaseChatModel:
        """Return the chat model; raises ModelUnavailable only when it is asked."""
        ...

    def limit(self, model: str) -> int:
        """Return the model's context in tokens; 0 where this host can never serve it."""
        ...

    async def continues(self, model: str) -> bool:
        """Tell whether the model goes on from a last message that is its own, begun and not ended."""
        ...

    async def calls(self, model: str) -> bool:
        """Tell whether the model calls tools."""
        ...

    def repeats(self, model: str) -> bool:
        """Tell whether the model says the same again to the same prompt."""
        ...


@dataclass(slots=True)
class Place:
    """What the pool knows about a host. Times are the pool's clock."""

    host: Host
    running: int = 0
    asked: int = 0
    """How often it was chosen: breaks ties between equally busy hosts."""
    tags: frozenset[str] = frozenset()
    tags_until: float = 0.0
    rests_until: dict[str, float] = field(default_factory=dict[str, float])
    """Until when it is asked last, by model; the empty name stands for all of them."""


class Pool:
    """Picks the host that has the model and the least to do, and the next one where it fails."""

    def __init__(
        self,
        hosts: Sequence[Host],
        *,
        cool_down: float = 15.0,
        tags_for: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = [Place(host) for host in hosts]
        self._cool_down, self._tags_for, self._clock = cool_down, tags_for, clock

    def running(self) -> dict[str, int]:
        """Return how many requests run on each host."""
        return {place.host.name: place.running for place in self._places}

    def limit(self, model: str) -> int:
        """Return the model's context in tokens: the smallest among the hosts that may serve it.

        Raises ModelUnavailable where none ever does.
        """
        limits = [limit for place in self._places if (limit := place.host.limit(model))]
        if not limits:
            raise self._missing(model)
        return min(limits)

    async def continues(self, model: str) -> bool:
        """Tell whether the model goes on from its own last message, on every host that may be asked."""
        hosts = await self._having(model)
        return bool(hosts) and all(await asyncio.gather(*(place.host.continues(model) for place in hosts)))

    async def calls(self, model: str) -> bool:
        """Tell whether the model calls tools, on every host that may be asked."""
        hosts = await self._having(model)
        return bool(hosts) and all(await asyncio.gather(*(place.host.calls(model) for place in hosts)))

    async def repeats(self, model: str) -> bool:
        """Tell whether the model says the same again, on every host that may be asked."""
        hosts = await self._having(model)
        return bool(hosts) and all(place.host.repeats(model) for place in hosts)

    async def stream(
        self, model: str, messages: Sequence[BaseMessage], **kwargs: Any
    ) -> AsyncGenerator[AIMessageChunk]:
        """Stream the answer of the first host that begins one.

        Raises ModelUnavailable where the answer breaks off, or where no host begins one.
        """
        tried: list[Place] = []
        failure: ModelUnavailable | None = None
        while place := await self._next(model, tried, failure):
            tried.append(place)
            begun = False
            place.running += 1
            try:
                answer = place.host.chat(model).astream(list(messages), **kwargs)
                async with aclosing(cast("AsyncGenerator[AIMessageChunk]", answer)) as chunks:
                    async for chunk in chunks:
                        begun = begun or bool(chunk.content or chunk.tool_call_chunks)
                        yield chunk
                return
            except ModelUnavailable as error:
                self._rest(place, model)
                if begun:
                    raise
                failure = error
            finally:
                place.running -= 1
        raise failure or self._missing(model)

    async def _next(
        self, model: str, tried: Sequence[Place], failure: ModelUnavailable | None
    ) -> Place | None:
        """Return the next host to ask; None where all have failed, each by its own error."""
        try:
            return await self._pick(model, tried)
        except ModelUnavailable:
            if failure:
                return None
            raise

    async def _pick(self, model: str, tried: Sequence[Place]) -> Place:
        able = [place for place in await self._having(model) if not any(place is one for one in tried)]
        if not able:
            raise self._missing(model)
        chosen = min(able, key=lambda place: (self._rests(place, model), place.running, place.asked))
        chosen.asked += 1
        return chosen

    async def _having(self, model: str) -> list[Place]:
        """Return the hosts that offer the model now."""
        named = model if ":" in model else f"{model}:latest"
        tags = await asyncio.gather(*map(self._tags, self._places))
        return [place for place, names in zip(self._places, tags, strict=True) if named in names]

    async def _tags(self, place: Place) -> frozenset[str]:
        """Return the host's models, asked anew when they are old.

        One that does not answer keeps those that were known, and is asked last: a single late reply is no reason to
        fail every run of the next seconds. None from a host that never answered.
        """
        now = self._clock()
        if now < place.rests_until.get("", 0.0) or now < place.tags_until:
            return place.tags
        try:
            place.tags, place.tags_until = await place.host.tags(), now + self._tags_for
        except ModelUnavailable:
            place.rests_until[""] = now + self._cool_down
        return place.tags

    def _rests(self, place: Place, model: str) -> bool:
        return self._clock() < max(place.rests_until.get(model, 0.0), place.rests_until.get("", 0.0))

    def _rest(self, place: Place, model: str) -> None:
        place.rests_until[model] = self._clock() + self._cool_down
        place.tags_until = 0.0

    def _missing(self, model: str) -> ModelUnavailable:
        """Return the error for a model that no host offers now."""
        names = ", ".join(place.host.name for place in self._places) or "none configured"
        now = self._clock()
        if all(now < place.rests_until.get("", 0.0) for place in self._places):
            return ModelUnavailable(f"No model host answers (hosts: {names}). Check that Ollama runs there.")
        return ModelUnavailable(
            f"No model host that answers has {model!r} (hosts: {names}). Run `ollama pull {model}` on one of "
            "them, or choose another model in the settings."
        )
