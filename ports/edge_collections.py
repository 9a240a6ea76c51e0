"""The collections of the embedded index: created, listed, opened and closed, with the threads that serve them."""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import qdrant_edge as edge
from qdrant_client import models
from qdrant_client.http.exceptions import ResponseHandlingException

from ports import edge_schema
from ports.edge_aliases import Aliases
from ports.edge_filter import unsupported
from ports.edge_index import to_index_info
from ports.edge_optimizer import Optimizer
from ports.edge_shard import Shard, engine_name, rejected

Result = TypeVar("Result")


class EdgeCollections:
    """Serves the collections under `folder`, which no other process may have open.

    `optimize_after` is the number of written points after which the optimizer runs in idle time
    (`idle` seconds without a write).
    """

    def __init__(self, folder: Path, *, idle: float = 10.0, optimize_after: int = 20_000) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._shards: dict[str, Shard] = {}
        for one in sorted(path for path in folder.iterdir() if path.is_dir()):
            if (shard := Shard.load(one)) is not None:
                self._shards[one.name] = shard
        self._aliases = Aliases(folder, self._shards)
        self.reads = ThreadPoolExecutor(2, "edge-read")
        self.writes = ThreadPoolExecutor(1, "edge-write")
        self.optimizer = Optimizer(self.writes, idle, optimize_after)
        self._closed = False

    async def close(self, **others: Any) -> None:
        """Stop the optimizer, finish what was begun, and close every collection."""
        refuse(others)
        if self._closed:
            return
        self._closed = True
        await self.optimizer.close()
        for shard in self._shards.values():
            await self.off(self.writes, shard.close)
        self.reads.shutdown()
        self.writes.shutdown()

    async def collection_exists(self, collection_name: str, **others: Any) -> bool:
        refuse(others)
        return self._aliases.target(collection_name) in self._shards

    async def get_collections(self, **others: Any) -> models.CollectionsResponse:
        refuse(others)
        names = [models.CollectionDescription(name=name) for name in sorted(self._shards)]
        return models.CollectionsResponse(collections=names)

    async def create_collection(
        self,
        collection_name: str,
        vectors_config: Any = None,
        sparse_vectors_config: Any = None,
        hnsw_config: models.HnswConfigDiff | None = None,
        metadata: dict[str, Any] | None = None,
        **others: Any,
    ) -> bool:
        """Create the collection; killed half-way it does not exist."""
        refuse(others)
        if not re.fullmatch(r"\w[\w.-]{0,200}", collection_name):
            raise rejected(400, "Bad Request", f"The collection name {collection_name!r} is not allowed")
        schema = edge_schema.to_schema(
            engine_name(), vectors_config, sparse_vectors_config, hnsw_config, metadata
        )

        def create() -> None:
            if self._aliases.target(collection_name) in self._shards:
                raise rejected(409, "Conflict", f"Collection `{collection_name}` already exists!")
            self._shards[collection_name] = Shard.create(self._folder / collection_name, schema)

        await self.off(self.writes, create)
        return True

    async def delete_collection(self, collection_name: str, **others: Any) -> bool:
        """Delete the collection and its aliases; False where there is none."""
        refuse(others)
        if collection_name not in self._shards:
            return False
        await self.off(self.writes, self._aliases.forget, collection_name)
        if (shard := self._shards.pop(collection_name, None)) is None:  # another deletion was faster
            return False
        await self.optimizer.stop(shard)
        await self.off(self.writes, shard.delete)
        return True

    async def update_collection_aliases(
        self, change_aliases_operations: Sequence[Any], **others: Any
    ) -> bool:
        """Do all of the operations at once: whoever asks by an alias finds the old collection or the new one."""
        refuse(others)
        await self.off(self.writes, self._aliases.change, change_aliases_operations, self._shards)
        return True

    async def get_aliases(self, **others: Any) -> models.CollectionsAliasesResponse:
        refuse(others)
        return self._aliases.described()

    async def get_collection_aliases(
        self, collection_name: str, **others: Any
    ) -> models.CollectionsAliasesResponse:
        refuse(others)
        return self._aliases.described(collection_name)

    async def get_collection(self, collection_name: str, **others: Any) -> models.CollectionInfo:
        refuse(others)
        shard = self.require(collection_name)
        info = await self.read(collection_name, lambda engine: engine.info())
        return edge_schema.to_info(shard.schema, info, to_index_info(info.payload_schema))

    def require(self, name: str) -> Shard:
        if self._closed:
            raise ResponseHandlingException(ConnectionError("the embedded index is closed"))
        if (shard := self._shards.get(self._aliases.target(name))) is None:
            raise rejected(404, "Not Found", f"Not found: Collection `{name}` doesn't exist!")
        return shard

    async def read(self, name: str, call: Callable[[edge.EdgeShard], Result]) -> Result:
        """Return what the call reads from the collection's engine.

        Here where it can be read at once: the engine holds the GIL meanwhile, so a thread would free nobody, and the
        way there and back took 0.4 ms of a query's 1.1. In a thread where a write is under way, which may wait for
        the disk.
        """
        shard = self.require(name)
        if shard.busy():
            return await self.off(self.reads, lambda: shard.read(call))
        return shard.read(call)

    async def off(self, pool: ThreadPoolExecutor, call: Callable[..., Result], *given: Any) -> Result:
        """Return the call's result from a thread of the pool; once begun it is not undone by a cancellation."""
        return await asyncio.get_running_loop().run_in_executor(pool, call, *given)


def refuse(others: dict[str, Any]) -> None:
    """Raise UnsupportedByEdge where an argument beyond the known ones has a value."""
    if named := [name for name, value in others.items() if value is not None]:
        raise unsupported(f"the argument `{'`, `'.join(named)}`")
