"""The index as it is now: the collections that its name stands for, and the model that they were made with.

The collections' own metadata decides which model is used. The settings name the model of a new index, and the one that
`switchboard reembed` changes to: until then an index of another model answers with its own. Vectors of two models never
meet, because an Index binds a collection to its model once and for all; a change of model is another Index.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from qdrant_client import models
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from contracts.errors import EmbeddingMismatch, SetupError, SwitchboardError
from graph.encoder import Encoder, bridge_for, encoder_for, questions_for
from graph.renewing import Answers, Embed, Passages
from ports.edge import EdgeClient
from ports.onnx import DEFAULT, Packaged
from ports.open import Ports
from retrievers import alias
from retrievers.bridge import Bridge
from retrievers.canonical import CanonicalAnswers
from retrievers.collection import Collection
from retrievers.guarded import Guarded
from retrievers.hybrid import HybridRetriever
from retrievers.sparse import SCHEME
from retrievers.turns import Turns

LOOK_S: Final = 2.0
"""Seconds between two looks whether another process has changed the model."""
GONE: Final = 404

logger = logging.getLogger("switchboard.index")


@dataclass(frozen=True, slots=True)
class Index:
    """One pair of collections with the model that made them."""

    collection: Collection
    canonical: CanonicalAnswers
    embeddings: Embeddings
    embedding: str
    dimension: int
    encoder: Encoder
    bridge: Bridge | None = None


def canonical_name(index: str) -> str:
    """Return the name of the approved answers' index."""
    return f"{index}_canonical"


async def dimension_of(ports: Ports, name: str) -> int:
    """Return the length of a model's vectors. Raises SetupError where its host cannot say."""
    try:
        embeddings = ports.embedder(name)
        if isinstance(embeddings, Packaged):
            return embeddings.dimension
        return len(await embeddings.aembed_query("How long is a vector?"))
    except SwitchboardError as error:
        raise SetupError(f"The embedding model {name!r} cannot be used: {error.message}") from error


class Indexes:
    """Opens the index, and follows it when its model changes."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self.name = ports.settings.collection
        self.turns = Turns(ports.redis, self.name)
        self._now: Index | None = None
        self._refused = ""
        self._turn = asyncio.Lock()
        self.renew: Embed | None = None
        """What cuts and embeds stored chunks anew; the composition root hands it in."""

    @property
    def now(self) -> Index:
        """Return the index that answers."""
        assert self._now is not None, "the index is opened first"
        return self._now

    @property
    def advice(self) -> str:
        """Return what a person should do about the model; empty where the settings name the one in use."""
        if self._refused:
            return self._refused
        wanted, used = self._ports.embedding_name, self.now.embedding
        if wanted == used and self.now.collection.scheme < SCHEME:
            return (
                "The index's words were read by an earlier version, so some passages are found by meaning alone. "
                "Run `switchboard reembed --anew`, which reads the stored text again; it answers meanwhile."
            )
        if wanted == used:
            return ""
        return (
            f"The index was made with {used}, which answers until it is changed; the settings name {wanted}. "
            f"Run `switchboard reembed` to change over, or {self._keep(used)} to stay."
        )

    async def open(self) -> None:
        """Open the index, a new one where there is none. Raises EmbeddingMismatch and SetupError."""
        client, wanted = self._ports.vectors, self._ports.embedding_name
        target = await alias.target_of(client, self.name) or await alias.orphan_of(client, self.name)
        if target is None or await self._blank(target):
            dimension = await dimension_of(self._ports, wanted)
            self._now = await self._open(wanted, dimension, await self._fresh(self.name, wanted, dimension))
        else:
            self._now = await self._open_made(await alias.made_of(client, target, self.name))
        names = {self.name: self._now.collection.name, canonical_name(self.name): self._now.canonical.name}
        if any([await alias.target_of(client, index) != name for index, name in names.items()]):
            await alias.switch(client, names)
        if self.advice:
            logger.warning(self.advice)

    async def look(self) -> None:
        """Take a new index into use where another process, or this one, has switched to it."""
        async with self._turn:
            target = await alias.target_of(self._ports.vectors, self.name)
            if target is None or target == self.now.collection.name:
                return
            made = await alias.made_of(self._ports.vectors, target, self.name)
            try:
                found = await self._open_made(made)
            except SwitchboardError as error:
                if not self._refused:
                    logger.error(error.message)
                self._refused = error.message
                return
            self._now, self._refused = found, ""
            logger.info("The index is now %s, made with %s.", target, found.embedding)

    @asynccontextmanager
    async def following(self) -> AsyncGenerator[None]:
        """Follow what other processes do to the index until the block ends; an outage only delays it."""
        if isinstance(self._ports.vectors, EdgeClient):  # this process alone has it
            yield
            return
        looking = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except (ApiException, OSError) as error:
                logger.debug("the index could not be looked at: %s", error)

    def guarded(self, index: str) -> Guarded:
        """Return the client for one collection of this index or of its approved answers."""
        return Guarded(self._ports.vectors, index, self.turns, self._renewed)

    async def _open_made(self, made: alias.Made) -> Index:
        """Open what another start, or another process, has made. Raises EmbeddingMismatch."""
        name = made.embedding or self._ports.embedding_name
        try:
            dimension = await dimension_of(self._ports, name)
        except SetupError as error:
            if name == self._ports.embedding_name:
                raise
            raise EmbeddingMismatch(
                f"The index {self.name!r} was made with {name} ({made.dimension} dimensions), which cannot be used "
                f"here, and {self._ports.embedding_name} is configured. {error.message} {self._ways(name)}"
            ) from error
        if made.dimension and made.dimension != dimension:
            raise EmbeddingMismatch(
                f"The index {self.name!r} was made with {name} of {made.dimension} dimensions, but {name} now has "
                f"{dimension}: it is another model under the same name. {self._ways(name)}"
            )
        return await self._open(name, dimension, made.name)

    async def _open(self, name: str, dimension: int, target: str) -> Index:
        embeddings = self._ports.embedder(name)
        answers = await self._answers_for(name, dimension)
        found = Index(
            Collection(self.guarded(self.name), target, name, dimension),
            CanonicalAnswers(
                self.guarded(canonical_name(self.name)),
                answers,
                questions_for(self._ports, embeddings),
                name,
                dimension,
            ),
            embeddings,
            name,
            dimension,
            encoder_for(self._ports, embeddings),
            bridge_for(self._ports, name),
        )
        await found.collection.ensure()
        await found.canonical.ensure()
        return found

    async def _answers_for(self, name: str, dimension: int) -> str:
        """Return the collection of approved answers that goes with the passages'."""
        client, index = self._ports.vectors, canonical_name(self.name)
        now = await alias.target_of(client, index) or await alias.orphan_of(client, index)
        if now is not None and (await alias.made_of(client, now, index)).embedding in ("", name):
            return now
        return await self._fresh(index, name, dimension)

    async def _fresh(self, index: str, name: str, dimension: int) -> str:
        """Return the name for a new collection; an empty one that a start was killed over is taken up again."""
        client = self._ports.vectors
        for made in await alias.all_of(client, index):
            mine = (made.embedding, made.dimension) == (name, dimension) and made.number > 0
            if mine and (await client.count(made.name)).count == 0:
                return made.name
        return await alias.next_name(client, index, name, dimension)

    async def _blank(self, target: str) -> bool:
        """Tell whether the index is of another model and holds nothing, so that nobody misses it."""
        client, answers = self._ports.vectors, canonical_name(self.name)
        made = await alias.made_of(client, target, self.name)
        if made.embedding == self._ports.embedding_name or (await client.count(target)).count:
            return False
        theirs = await alias.target_of(client, answers)
        return theirs is None or (await client.count(theirs)).count == 0

    async def _renewed(
        self, points: Sequence[models.PointStruct], target: str
    ) -> Sequence[models.PointStruct]:
        """Give points, made for an earlier model, vectors of the one that stands for the index now."""
        await self.look()
        if target not in (self.now.collection.name, self.now.canonical.name):
            raise EmbeddingMismatch(
                self._refused or f"The index is now {target!r}. Ingest the document again."
            )
        if target == self.now.canonical.name:
            return await Answers(questions_for(self._ports, self.now.embeddings)).make(points)
        if self.renew is None:
            raise EmbeddingMismatch(f"The index is now {target!r}. Ingest the document again.")
        return await Passages(self.now.encoder, self.renew).make(points)

    def _ways(self, used: str) -> str:
        return (
            f"Run `switchboard reembed`, which makes a new index with {self._ports.embedding_name} from the stored "
            f"text and switches to it, or {self._keep(used)} where that model is."
        )

    def _keep(self, used: str) -> str:
        if used == DEFAULT:
            return "unset SWITCHBOARD_MODEL_EMBEDDING"
        return f"set SWITCHBOARD_MODEL_EMBEDDING={used}"


class LiveRetriever(HybridRetriever):
    """A retriever that goes on in the next index, where its own has gone under it."""

    indexes: Any
    """The Indexes."""

    async def _find(self, query: str) -> list[Document]:
        try:
            return await super()._find(query)
        except UnexpectedResponse as error:
            if error.status_code != GONE:
                raise
            await self.indexes.look()
            now: Index = self.indexes.now
            if now.collection.name == self.collection.name:
                raise
            self.collection, self.embeddings, self.bridge = now.collection, now.embeddings, now.bridge
            return await super()._find(query)
