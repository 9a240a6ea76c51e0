"""What a node may reach besides its slice of the state. One Context a run; its tenant is bound here."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.retrievers import BaseRetriever

from contracts.agents import AgentConfig
from contracts.identity import Identity
from contracts.state import Citation, Fit, Passage, Queued, Recalled, RunState, Task, Turn
from contracts.tools import Tool


class Emitter(Protocol):
    """Where the answer's text goes, out of band of the graph."""

    def __call__(self, text: str) -> Awaitable[None]:
        """Send a piece of the answer; waits only while the log is far behind."""
        ...


class Reader(Protocol):
    """Reads passages closely: whether they answer, which sentences do, which support a claim."""

    async def answerable(self, question: str, passages: Sequence[Passage]) -> float:
        """Return the probability that the passages answer the question; 0.0 for no passages."""
        ...

    async def extract(
        self, question: str, passages: Sequence[Passage], limit: int
    ) -> list[tuple[str, Passage]]:
        """Return up to `limit` sentences that answer, verbatim with their passage, in reading order."""
        ...

    async def support(self, text: str, passages: Sequence[Passage]) -> list[Citation]:
        """Return one citation for each sentence of the text, in order; `sentence` is verbatim from the text."""
        ...


class Memory(Protocol):
    """Answers that stand already, of one tenant and agent."""

    async def recall(self, question: str) -> Recalled | None:
        """Return the approved answer that fits, else the one given to this very question before, else None."""
        ...

    async def remember(self, question: str, state: RunState) -> None:
        """Keep a fully supported answer for the same question until the index changes."""
        ...


class Intents(Protocol):
    """Classifies a message."""

    async def classify(self, message: str) -> tuple[str, float]:
        """Return the intent and its probability."""
        ...

    async def nearest(self, message: str, topics: Sequence[str]) -> tuple[str, float]:
        """Return the topic closest in meaning and its cosine; `("", 0.0)` for no topics."""
        ...


class Chat(Protocol):
    """The chat models within reach of this agent."""

    def select(self, task: Task) -> str:
        """Return the name of the model for the task."""
        ...

    def limit(self, model: str) -> int:
        """Return the model's context in tokens, prompt and answer together."""
        ...

    async def fit(
        self,
        model: str,
        system: str,
        turns: Sequence[Turn],
        passages: Sequence[Passage],
        question: str,
        tools: Sequence[Tool] = (),
    ) -> tuple[list[Turn], list[Passage], Fit]:
        """Return the turns and passages that fit, counted before the call: the worst passages go first.

        Raises TooLong where the question alone does not fit.
        """
        ...

    def stream(
        self, model: str, messages: Sequence[BaseMessage], tools: Sequence[Tool] = ()
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream the answer, or the calls of tools that it needs first; raises ModelUnavailable where it breaks off."""
        ...

    async def calls(self, model: str) -> bool:
        """Tell whether the model can call tools."""
        ...

    async def shorten(
        self,
        model: str,
        messages: Sequence[BaseMessage],
        text: str,
        tools: Sequence[Tool] = (),
        shares: int = 1,
    ) -> str:
        """Return as much of the text's front as fits behind the messages, one of so many equal shares of the room."""
        ...

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price in the configured currency; 0.0 for models without one."""
        ...

    async def continues(self, model: str) -> bool:
        """Tell whether the model goes on from a last message that is its own, begun and not ended."""
        ...

    async def repeats(self, model: str) -> bool:
        """Tell whether the model says the same again to the same prompt."""
        ...

    async def rewrite(self, messages: Sequence[BaseMessage]) -> str | None:
        """Return what a model makes of a follow-up question, or None where none is good enough or none answers."""
        ...


class Desk(Protocol):
    """Where people take over."""

    async def offer(self, question: str, reason: str) -> None:
        """Note that a person was offered."""
        ...

    async def ticket(self, question: str, reason: str) -> str:
        """Open a ticket in the inbox and return its id; raises RateLimited over the agent's limit."""
        ...

    async def line_up(self) -> Queued:
        """Return the place in the line that the question will have; it takes it when the run is recorded."""
        ...

    def full(self) -> bool:
        """Tell whether no further answer can start now."""
        ...


class Returned(TypedDict):
    """What became of a tool call."""

    ok: bool
    text: str
    """The tool's answer, or in words what went wrong."""


class Tools(Protocol):
    """Reaches the tools of an agent."""

    async def call(self, tool: Tool, arguments: dict[str, Any], key: str) -> Returned:
        """Return what the tool answers, or what went wrong; `key` is the same at each try of this call."""
        ...


class Unreachable:
    """No tools are within reach."""

    async def call(self, tool: Tool, arguments: dict[str, Any], key: str) -> Returned:
        """Return that the tool cannot be reached."""
        return {"ok": False, "text": "The tool cannot be reached from here."}


class Journal(Protocol):
    """Makes what is done outside happen once."""

    async def once(self, step: str, number: int, kind: str, make: Callable[[str], Awaitable[Any]]) -> Any:
        """Return the recorded result of this effect of the run, or run `make(key)` and record what it returns.

        `make` gets an idempotency key, the same at each try, and returns JSON values.
        """
        ...


class Unjournalled:
    """A journal that keeps nothing: for runs that end where they began."""

    async def once(self, step: str, number: int, kind: str, make: Callable[[str], Awaitable[Any]]) -> Any:
        """Return what `make` returns."""
        return await make(f"{step}:{number}")


Recorder = Callable[[RunState], Awaitable[None]]
"""Writes what the run came to: message, decision, usage, status."""


@dataclass(slots=True)
class Progress:
    """What one attempt at a run has come to. Not in the state, which the next attempt goes on from."""

    shown: str
    """What clients have of the answer; kept up by the nodes that write it, once each has written."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first: float | None = None
    """`time.perf_counter()` at the first token."""


def nobody_reads(node: str, update: Mapping[str, Any]) -> None:
    """Tell nobody: the graph's own stream is read instead."""


def nobody_listens(reason: str) -> None:
    """Drop nothing: no client has any text yet."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the nodes of one run reach. The tenant is bound when it is made: no call can forget it."""

    run_id: str
    who: Identity
    agent: AgentConfig
    started: float
    """`time.perf_counter()` at the run's start."""
    emit: Emitter
    retriever: BaseRetriever
    reader: Reader
    memory: Memory
    intents: Intents
    chat: Chat
    desk: Desk
    record: Recorder
    queued: bool = False
    """This run has already waited in the line: it must not be queued again."""
    said: str = ""
    """What clients already have of this answer: an earlier attempt at the run was broken off behind it."""
    restart: Callable[[str], None] = nobody_listens
    """Tells all clients to drop the text so far; takes the reason."""
    tell: Callable[[str, Mapping[str, Any]], None] = nobody_reads
    """Takes a node's name and what it has written, as soon as it has."""
    journal: Journal = field(default_factory=Unjournalled)
    """Through it goes all that has an effect outside of the run."""
    tools: Tools = field(default_factory=Unreachable)
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "progress", Progress(self.said))


__all__ = [
    "Chat", "Context", "Desk", "Emitter", "Intents", "Journal", "Memory", "Progress", "Reader", "Recorder", "Returned",
    "Tools", "Turn", "Unjournalled", "Unreachable", "nobody_listens", "nobody_reads",
]  # fmt: skip
