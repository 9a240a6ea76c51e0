"""Puts the parts together: from open ports to the Context of one run. The tenant is bound here."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from contracts.agents import AgentConfig, ModelChoice
from contracts.context import (
    Context,
    Desk,
    Emitter,
    Intents,
    Reader,
    Recorder,
    Tools,
    nobody_listens,
    nobody_reads,
)
from contracts.identity import Identity
from contracts.patience import STORE_S, patiently
from graph.build import Graph, build_graph
from graph.database import open_database
from graph.encoder import Encoder
from graph.erase import Eraser
from graph.failures import is_passing
from graph.index import Indexes, LiveRetriever
from graph.journal import RunJournal
from graph.library import Library
from models import extractive, smalltalk
from models.acts import Acts
from models.chat import PoolChat
from models.inprocess import InProcessHost
from models.intents import ExampleIntents
from models.pool import Host, Pool
from nodes.prompt import user_text
from ports.edge import EdgeClient
from ports.onnx import Packaged
from ports.open import Ports, open_ports
from ports.settings import Settings
from ports.tools import open_tools
from retrievers.cache import AnswerCache
from retrievers.canonical import CanonicalAnswers
from retrievers.collection import Collection
from retrievers.editions import Editions
from retrievers.hybrid import HybridRetriever
from retrievers.memory import AnswerMemory
from retrievers.reader import PassageReader
from store import agents, documents, editions
from store.engine import Database

PASSAGES: Final = 6
"""Passages that an answer may draw on."""

TITLES: Final = 50
"""Newest documents among which small talk finds two to name."""

AGENT_AGE: Final = 2.0
"""Seconds for which a configuration is used before it is read again."""


@asynccontextmanager
async def open_wiring(settings: Settings) -> AsyncGenerator["Wiring"]:
    """Open the ports and the database, bring both up to date, and close them at the end. Raises SetupError."""
    async with (
        open_ports(settings) as ports,
        open_database(settings, ports.folder.path) as database,
        open_tools(settings.inside) as tools,
    ):
        indexes = Indexes(ports)
        await indexes.open()
        async with indexes.following():
            yield Wiring(ports, database, indexes, tools)


@dataclass(slots=True)
class Cached:
    """An agent's configuration and when it was read."""

    config: AgentConfig
    read: float


class Wiring:
    """The parts that all runs share."""

    def __init__(self, ports: Ports, database: Database, indexes: Indexes, tools: Tools) -> None:
        self.ports = ports
        self.database = database
        self.tools = tools
        self.graph: Graph = build_graph(ports.checkpoints)
        self.indexes = indexes
        self.cache = AnswerCache(ports.redis, ports.settings.cache_ttl)
        self.editions = Editions(lambda tenant: editions.listing(database, tenant), self.cache.version)
        alone = ports.settings.database_url is None
        eraser = Eraser(database, ports.redis, ports.checkpoints, lambda: self.canonical)
        self.library = Library(
            lambda: self.collection, database, self.bump, erase=eraser, erase_again=eraser.again, alone=alone
        )
        """Through it alone documents change: what it has under way, it must not take for left behind."""
        self.reader: Reader = PassageReader(ports.minilm)
        self.acts = Acts(ports.minilm)
        self.intents: Intents = ExampleIntents(ports.minilm, self.acts)
        self.pool = Pool(self._hosts())
        self._agents: dict[tuple[str, str], Cached] = {}

    @property
    def collection(self) -> Collection:
        """Return the passages' collection, bound to its model: another one after a change of model."""
        return self.indexes.now.collection

    @property
    def canonical(self) -> CanonicalAnswers:
        """Return the approved answers, bound to the model of the passages."""
        return self.indexes.now.canonical

    @property
    def encoder(self) -> Encoder:
        """Return what makes the collection's vectors."""
        return self.indexes.now.encoder

    def _hosts(self) -> Sequence[Host]:
        own = {
            extractive.NAME: extractive.Extractive(reader=self.reader),
            smalltalk.NAME: smalltalk.SmallTalk(
                acts=self.acts, writer=self.ports.llama.chat(self.ports.llama_name)
            ),
        }
        return [InProcessHost(own), self.ports.llama, *self.ports.hosts]

    async def agent(self, who: Identity, id: str) -> AgentConfig:
        """Return the agent's configuration; raises Unknown."""
        key = (who.tenant, id)
        cached = self._agents.get(key)
        if cached is None or time.monotonic() - cached.read > AGENT_AGE:
            cached = Cached((await agents.get(self.database, who, id)).config, time.monotonic())
            self._agents[key] = cached
        return cached.config

    async def bump(self, tenant: str) -> None:
        """Tell the cache that the tenant's documents changed: no remembered answer outlives them."""
        await self.cache.bump(tenant)

    def expect(self, question: str) -> None:
        """Begin to read a question that will be asked for soon."""
        for model in {self.ports.minilm, self.indexes.now.embeddings}:
            if isinstance(model, Packaged):
                model.expect(question)

    async def optimize(self) -> None:
        """Bring the index into its fastest form; a Qdrant server does so by itself."""
        if isinstance(self.ports.vectors, EdgeClient):
            await self.ports.vectors.optimize(self.collection.name)

    def forget_agent(self, who: Identity, id: str) -> None:
        """Read the configuration anew at its next use: it was just changed here."""
        self._agents.pop((who.tenant, id), None)

    def retriever(self, who: Identity, agent: AgentConfig, limit: int = PASSAGES) -> HybridRetriever:
        """Return a retriever that sees this asker's part of the index alone."""
        index = self.indexes.now
        return LiveRetriever(
            indexes=self.indexes,
            collection=index.collection,
            embeddings=index.embeddings,
            encoder=self.ports.minilm,
            bridge=index.bridge,
            tenant=who.tenant,
            groups=who.reads,
            editions=self.editions,
            knowledge=tuple(agent.knowledge),
            limit=limit,
        )

    def memory(self, who: Identity, agent_id: str, agent: AgentConfig) -> AnswerMemory:
        """Return the standing answers that this asker may get from this agent, configured as it is now."""
        scope = [*who.reads, "", who.role, agent.model_dump_json(exclude={"name", "examples"})]

        async def readable(sources: Sequence[str]) -> set[str]:
            return await documents.readable(self.database, who, sources)

        return AnswerMemory(
            self.canonical, self.cache, tenant=who.tenant, agent=agent_id, scope=scope, readable=readable
        )

    def chat(self, who: Identity, agent: AgentConfig) -> PoolChat:
        """Return the chat models that this agent may use, and what small talk may name."""
        about = smalltalk.About(agent.name, lambda: self._titles(who, agent))
        hosted = bool(self.ports.hosts)  # the packaged model rewrites worse than joining the questions does
        return PoolChat(self.pool, self._choice(agent.models), user_text, rewrites=hosted, about=about)

    async def _titles(self, who: Identity, agent: AgentConfig) -> Sequence[str]:
        """Return the titles of the newest documents that the asker may read and the agent draws on."""
        page = await patiently(
            lambda: documents.listing(self.database, who, TITLES, status="indexed"), is_passing, STORE_S
        )
        known = agent.knowledge
        return [
            one["title"]
            for one in page["items"]
            if documents.may_read(who, one["groups"])
            if not known or any(under(one["source"], prefix) for prefix in known)
        ]

    def _choice(self, own: ModelChoice) -> ModelChoice:
        settings = self.ports.settings
        if self.ports.hosts:
            return ModelChoice(
                primary=own.primary or settings.model_primary,
                fast=own.fast or settings.model_fast,
                analysis=own.analysis or settings.model_analysis,
                code=own.code or settings.model_code,
            )
        answers = self.ports.llama_name if settings.gguf_answers else extractive.NAME
        talks = self.ports.llama_name if settings.gguf_answers else smalltalk.NAME
        return ModelChoice(
            primary=own.primary or answers,
            fast=own.fast or talks,
            analysis=own.analysis or answers,
            code=own.code or answers,
        )

    async def context(
        self, who: Identity, agent_id: str, run_id: str, started: float, emit: Emitter, desk: Desk, record: Recorder,
        *, queued: bool, sources: Sequence[str] = (), said: str = "", restart: Callable[[str], None] | None = None,
        tell: Callable[[str, Mapping[str, Any]], None] = nobody_reads, thread: str = "",
    ) -> Context:  # fmt: skip
        """Return what the nodes of one run may reach: of the documents, only `sources` where some are named.

        `said` is what clients have of the answer from an earlier attempt; `restart` tells them to drop it, `tell` what
        the nodes write. `thread` is the graph's, where it is not the run's own: it goes on from another run's pause.
        Raises Unknown for an agent that is not there.
        """
        agent = await self.agent(who, agent_id)
        if sources:
            agent = agent.model_copy(update={"knowledge": within(sources, agent.knowledge)})
        return Context(
            run_id=run_id,
            who=who,
            agent=agent,
            started=started,
            emit=emit,
            retriever=self.retriever(who, agent),
            reader=self.reader,
            memory=self.memory(who, agent_id, agent),
            intents=self.intents,
            chat=self.chat(who, agent),
            desk=desk,
            record=record,
            queued=queued,
            said=said,
            restart=restart or nobody_listens,
            tell=tell,
            tools=self.tools,
            journal=RunJournal(self.database, who, thread or run_id),
        )


def within(sources: Sequence[str], knowledge: Sequence[str]) -> list[str]:
    """Return the sources that lie under one of the prefixes; with none of them left, a name that nothing has."""
    allowed = [
        source for source in sources if not knowledge or any(under(source, prefix) for prefix in knowledge)
    ]
    return allowed or ["\x00"]


def under(source: str, prefix: str) -> bool:
    """Tell whether a source is the prefix or lies in that folder."""
    return source == prefix.rstrip("/") or source.startswith(prefix.rstrip("/") + "/")
