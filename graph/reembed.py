"""A change of embedding model: a new collection beside the old, switched by alias when nothing differs any more.

The old collection answers, and is written to, until the switch; then readers and writers move on by themselves. The
order: build what is missing, copy again what was touched meanwhile, compare everything once more, shut the writers out
for the last few points, count, switch both names in one call, let the writers in, and remove the old after a while.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from qdrant_client import models

from contracts.errors import BadRequest, StoreUnavailable
from graph.encoder import encoder_for, questions_for
from graph.index import canonical_name, dimension_of
from graph.renewing import Answers, Copy, Embed, Passages
from ports.edge import EdgeClient
from ports.onnx import DEFAULT
from ports.open import Ports
from retrievers import alias
from retrievers.cache import AnswerCache
from retrievers.canonical import CanonicalAnswers
from retrievers.collection import KEYWORD, Collection
from retrievers.renewal import PART_OF
from retrievers.turns import Hold, Taken, Turns

FEW: Final = 200
"""Touched points that are left for the moment in which writers wait."""
GRACE_S: Final = 15.0
"""Seconds between the switch and the end of the old collection: answers under way read from it."""
WORTH: Final = 2000
"""Points from which the embedded index is made fast before the switch: it has no graph for fewer."""
READY_S: Final = 1.0
"""Seconds between two looks whether a server has indexed the new collection."""

Tell = Callable[[str, int, int], None]
"""Told the stage, how many points are done, and of how many."""


@dataclass(slots=True)
class Change:
    """What a change of model came to."""

    model: str
    before: str
    """The model until now; the same where the index was made with it already."""
    dimension: int = 0
    chunks: int = 0
    embedded: int = 0
    """Chunks that were embedded in this run: those of an earlier run that was cut off are not."""
    answers: int = 0
    """Approved answers."""
    split: int = 0
    """Chunks that were too long for the model and became several."""
    switched: bool = False
    removed: list[str] = field(default_factory=list[str])
    """Collections that are no longer needed."""
    setting: str = ""
    """What to set so that the next start names this model."""
    seconds: float = 0.0

    def body(self) -> dict[str, Any]:
        """Return what `reembed --json` ends with."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    model: str = ""
    """Empty for the one that the settings name."""
    anew: bool = False
    """Make new vectors although the model stays the same."""
    keep: bool = False
    """Leave the old collection where it is: a way back that costs only what has changed since."""


class Reembedding:
    """Changes the model of one index, over open ports."""

    def __init__(self, ports: Ports, cache: AnswerCache, embed: Embed, *, grace: float | None = None) -> None:
        """`grace`: seconds for which the old collection stays, GRACE_S by default; 0 where nobody answers from it."""
        self._ports, self._client, self._cache = ports, ports.vectors, cache
        self._embed, self._grace = embed, GRACE_S if grace is None else grace
        self._index = ports.settings.collection
        self._turns = Turns(ports.redis, self._index)

    async def run(self, wish: Wish, tell: Tell, moved: Callable[[], Any] | None = None) -> Change:
        """Change the model; `moved` is awaited right after the switch. Raises BadRequest and StoreUnavailable."""
        started = time.perf_counter()
        model = wish.model or self._ports.embedding_name
        old = await self._old()
        change = Change(model, old.embedding, await dimension_of(self._ports, model))
        if old.embedding == model and not wish.anew:
            change.chunks = (await self._client.count(old.name)).count
            change.removed = await self._clean(old.name) if not wish.keep else []
        else:
            await self._change(old, wish, change, tell, moved)
        change.setting = self._setting(model)
        change.seconds = time.perf_counter() - started
        return change

    def _setting(self, model: str) -> str:
        if model == self._ports.embedding_name:
            return ""
        if model == DEFAULT:
            return "Unset SWITCHBOARD_MODEL_EMBEDDING: it names another model than the index is made with."
        return f"Set SWITCHBOARD_MODEL_EMBEDDING={model} so that the settings name the model in use."

    async def _old(self) -> alias.Made:
        client = self._client
        name = await alias.target_of(client, self._index) or await alias.orphan_of(client, self._index)
        if name is None:
            raise BadRequest(
                f"There is no index {self._index!r} yet. Set the model and ingest documents: it is made with it."
            )
        return await alias.made_of(client, name, self._index)

    async def _change(
        self, old: alias.Made, wish: Wish, change: Change, tell: Tell, moved: Callable[[], Any] | None
    ) -> None:
        try:
            async with self._turns.building(alone=self._ports.settings.redis_url is None) as hold:
                copies = await self._copies(old, wish, change)
                await self._build(copies, tell)
                await self._switch(copies, hold, tell)
        except Taken as taken:
            raise StoreUnavailable(
                "Another process is changing this index's model. Wait until it is done, then look with "
                "`switchboard doctor`."
            ) from taken
        passages, answers = copies
        change.switched, change.embedded, change.split = True, passages.made, passages.split
        change.chunks, change.answers = (await passages.counts())[0], (await answers.counts())[0]
        if moved is not None:
            await moved()
        for tenant in sorted({*passages.tenants, *answers.tenants} - {""}):
            await self._cache.bump(tenant)
        if not wish.keep:
            tell("letting answers under way end", change.chunks, change.chunks)
            await asyncio.sleep(self._grace)
            change.removed = await self._clean(passages.new)

    async def _copies(self, old: alias.Made, wish: Wish, change: Change) -> tuple[Copy, Copy]:
        """Make the new collections, or take up those of a run that was cut off."""
        model, size, client = change.model, change.dimension, self._client
        embeddings = self._ports.embedder(model)
        asked = questions_for(self._ports, embeddings)
        kind = Passages(encoder_for(self._ports, embeddings), self._embed)
        new = await self._target(self._index, old, wish, model, size)
        await Collection(client, new, model, size).ensure()
        info = await client.get_collection(new)
        if PART_OF not in info.payload_schema:
            await client.create_payload_index(new, PART_OF, field_schema=KEYWORD)
        name = canonical_name(self._index)
        theirs = await alias.target_of(client, name) or await alias.orphan_of(client, name)
        if theirs is None:
            theirs = await alias.next_name(client, name, model, size)
            await CanonicalAnswers(client, theirs, asked, model, size).ensure()
        answered = await alias.made_of(client, theirs, name)
        fresh = await self._target(name, answered, wish, model, size)
        await CanonicalAnswers(client, fresh, asked, model, size).ensure()
        return Copy(client, old.name, new, kind), Copy(client, theirs, fresh, Answers(asked))

    async def _target(self, index: str, old: alias.Made, wish: Wish, model: str, size: int) -> str:
        """Return the collection to fill: one of that model that is there already, or a new one."""
        for made in await alias.all_of(self._client, index):
            mine = (made.embedding, made.dimension) == (model, size) and made.name != old.name
            if mine and made.number and (not wish.anew or made.number > old.number):
                return made.name
        return await alias.next_name(self._client, index, model, size)

    async def _build(self, copies: tuple[Copy, Copy], tell: Tell) -> None:
        """Bring the new collections to what the old ones hold but for a few points."""
        passages, answers = copies
        total = (await passages.counts())[0]
        await passages.whole(lambda done: tell("embedding", done, max(done, total)))
        await answers.whole(lambda _: None)
        await self._catch_up(copies, FEW)
        tell("indexing", total, total)
        await self._ready(passages.new)
        await self._catch_up(copies, FEW)
        while await passages.whole(lambda done: tell("comparing", done, max(done, total))) > FEW:
            pass
        for copy in copies:
            await copy.probe()

    async def _catch_up(self, copies: Sequence[Copy], least: int) -> None:
        """Copy again what was touched meanwhile, until fewer than `least` are left; 0 leaves none."""
        indexes = dict(zip((self._index, canonical_name(self._index)), copies, strict=True))
        while noted := await self._turns.noted(FEW):
            for index, copy in indexes.items():
                ids = [id for at, _, id in (member.partition("\0") for member in noted) if at == index]
                if ids:
                    await copy.some(ids)
            if len(noted) < least:
                return

    async def _switch(self, copies: tuple[Copy, Copy], hold: Hold, tell: Tell) -> None:
        """Shut writers out, copy the last points, count, and switch both names in one call."""
        passages, answers = copies
        async with self._turns.closed() as shut:
            await self._catch_up(copies, 0)
            for copy in copies:
                await copy.verify()
            if not (await hold.mine() and await shut.mine()):
                raise StoreUnavailable(
                    "This process was held up for so long that others may have written meanwhile. Nothing was "
                    "switched. Run `switchboard reembed` again: it goes on where it was."
                )
            await alias.switch(
                self._client, {self._index: passages.new, canonical_name(self._index): answers.new}
            )

    async def _ready(self, name: str) -> None:
        """Wait until the new collection is searched by its graph."""
        if isinstance(self._client, EdgeClient):
            if (await self._client.count(name)).count >= WORTH:
                await self._client.optimize(name)
            return
        while True:
            await asyncio.sleep(READY_S)  # a server tells nobody when it is done
            if (await self._client.get_collection(name)).status != models.CollectionStatus.YELLOW:
                return

    async def _clean(self, now: str) -> list[str]:
        """Remove every other collection of the index, and of its approved answers; return their names."""
        removed: list[str] = []
        for index in (self._index, canonical_name(self._index)):
            target = await alias.target_of(self._client, index)
            left = [made.name for made in await alias.all_of(self._client, index)]
            gone = [name for name in left if name not in (now, target)]
            await alias.remove(self._client, index, gone)
            removed += gone
        return removed
