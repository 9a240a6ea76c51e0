"""A run of the graph without a server: a stub model over real HTTP, and parts that answer what they are told."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langgraph.checkpoint.memory import InMemorySaver

from bench.stub import Stub, serving
from contracts.agents import AgentConfig, ModelChoice
from contracts.context import Context
from contracts.events import Event
from contracts.identity import Identity
from contracts.state import Citation, Passage, Queued, Recalled, RunState
from graph.build import Graph, build_graph
from graph.events import to_events
from models.chat import PoolChat
from models.extractive import Extractive
from models.inprocess import InProcessHost
from models.pool import Pool
from nodes.prompt import user_text
from ports.ollama import OllamaHost, open_hosts

ANN = Identity("acme", "ann", "sales", "member")
QUESTION = "How many days of leave do we have?"


@dataclass
class Screen:
    """What clients see of one stream: its events, in order, as a log would have them."""

    events: list[Event] = field(default_factory=list[Event])
    held: str = ""
    """What clients had before this attempt."""

    async def emit(self, text: str) -> None:
        self.events.append(("token", {"text": text}))

    def restart(self, reason: str) -> None:
        self.events.append(("restart", {"reason": reason}))

    @property
    def text(self) -> str:
        """What clients show: the tokens after the last restart."""
        text = self.held
        for name, data in self.events:
            text = "" if name == "restart" else text + (data["text"] if name == "token" else "")
        return text

    def named(self, name: str) -> list[dict[str, Any]]:
        return [data for known, data in self.events if known == name]

    def names(self) -> list[str]:
        """The events' names, each once where it comes several times in a row."""
        found = [name for name, _ in self.events]
        return [name for n, name in enumerate(found) if not n or found[n - 1] != name]


class Shelf(BaseRetriever):
    """Finds the same passage for every question."""

    async def _aget_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [
            Document("We have 30 days of leave.", id="p1", metadata={"title": "Leave", "source": "leave.md"})
        ]

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        raise NotImplementedError


@dataclass
class Reading:
    """Finds every sentence supported; how sure it is, a test decides."""

    sure: float = 0.8

    async def answerable(self, question: str, passages: Sequence[Passage]) -> float:
        return self.sure

    async def extract(
        self, question: str, passages: Sequence[Passage], limit: int
    ) -> list[tuple[str, Passage]]:
        return [(passage["text"], passage) for passage in passages[:limit]]

    async def support(self, text: str, passages: Sequence[Passage]) -> list[Citation]:
        held = [passage["id"] for passage in passages]
        return [{"sentence": text, "passages": held, "supported": True, "score": 1.0}]


@dataclass
class Shelved:
    """Remembers what it is told to."""

    kept: list[str] = field(default_factory=list[str])

    async def recall(self, question: str) -> Recalled | None:
        return None

    async def remember(self, question: str, state: RunState) -> None:
        self.kept.append(question)


@dataclass
class Known:
    """Takes every message for the same intent."""

    intent: str = "question"

    async def classify(self, message: str) -> tuple[str, float]:
        return self.intent, 1.0

    async def nearest(self, message: str, topics: Sequence[str]) -> tuple[str, float]:
        return "", 0.0


@dataclass
class Counter:
    """A desk that counts tickets."""

    tickets: list[str] = field(default_factory=list[str])

    async def offer(self, question: str, reason: str) -> None:
        pass

    async def ticket(self, question: str, reason: str) -> str:
        self.tickets.append(question)
        return f"esc_{len(self.tickets)}"

    async def line_up(self) -> Queued:
        return {"position": 1, "expected_wait_s": 2.0, "run_id": "run_2"}

    def full(self) -> bool:
        return False


@dataclass
class World:
    """The graph with its checkpoints, and all that its runs share."""

    stub: Stub
    hosts: list[OllamaHost]
    graph: Graph = field(default_factory=lambda: build_graph(InMemorySaver()))
    agent: AgentConfig = field(default_factory=AgentConfig)
    choice: ModelChoice = field(default_factory=lambda: ModelChoice(primary="stub"))
    reader: Reading = field(default_factory=Reading)
    memory: Shelved = field(default_factory=Shelved)
    intents: Known = field(default_factory=Known)
    desk: Counter = field(default_factory=Counter)
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    """Further fields of every Context."""
    recorded: list[RunState] = field(default_factory=list[RunState])
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    """The updates of the latest attempt, merged."""

    def context(self, screen: Screen, run_id: str = "run_1") -> Context:
        own = InProcessHost({"extractive": Extractive(reader=self.reader)})
        chat = PoolChat(Pool([own, *self.hosts]), self.choice, user_text)
        reached: dict[str, Any] = {
            "retriever": Shelf(), "reader": self.reader, "memory": self.memory, "intents": self.intents,
            "chat": chat, "desk": self.desk, "record": self.record, "said": screen.held,
            "restart": screen.restart, "tell": lambda _, update: self.tell(screen, update), **self.more,
        }  # fmt: skip
        return Context(
            run_id=run_id, who=ANN, agent=self.agent, started=0.0, emit=screen.emit, **reached
        )  # fmt: skip

    async def record(self, state: RunState) -> None:
        self.recorded.append(state)

    def tell(self, screen: Screen, update: dict[str, Any]) -> None:
        self.state.update(update)
        screen.events += to_events(update, self.state.get("passages", []))

    async def go(
        self, given: Any = QUESTION, *, said: str = "", thread: str = "run_1", run_id: str = "", until: str = ""
    ) -> Screen:  # fmt: skip
        """Drive the graph to its end or its pause, or leave it once `until` has run: another process's death."""
        screen = Screen(held=said)
        self.state = {}
        if isinstance(given, str):
            given = {"question": given, "turns": []}
        config: Any = {"configurable": {"thread_id": thread}}
        context = self.context(screen, run_id or thread)
        stream = self.graph.astream(
            given, config, context=context, stream_mode="updates", version="v2", durability="sync"
        )
        async for part in stream:
            for node, update in part["data"].items():
                if node == "__interrupt__":
                    screen.events += [("interrupt", {"id": one.id, **one.value}) for one in update]
                    continue
                if node == until:
                    await stream.aclose()
                    return screen
        return screen


@asynccontextmanager
async def opened(**stub: Any) -> AsyncIterator[World]:
    """Give a world with a stub of these qualities."""
    model = Stub(**{"tokens": 8, **stub})
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(model))
        hosts = await stack.enter_async_context(open_hosts([url], {"stub": 4096}, patience=2))
        yield World(model, hosts)
