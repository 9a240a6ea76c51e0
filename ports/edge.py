"""The embedded index: the calls of AsyncQdrantClient that we use, served by Qdrant Edge in this process.

Arguments, results and exceptions are qdrant_client's own; what the engine cannot do raises UnsupportedByEdge.
An update that returned is in the write-ahead log and survives kill -9. The engine holds the GIL in its calls
(a query 0.2 to 1.3 ms at 20,000 points, a slice of an upsert 10 ms), so updates go in slices and the optimizer
runs in a child process. A reader sees each slice as soon as it is written.
"""

from collections.abc import Sequence
from typing import Any, Final

import qdrant_edge as edge
from qdrant_client import models
from qdrant_client.http import models as http

from ports.edge_collections import EdgeCollections, refuse
from ports.edge_filter import to_filter, to_id, unsupported
from ports.edge_index import to_field_index
from ports.edge_points import require_vectors, to_selection
from ports.edge_shard import Shard
from ports.edge_translate import (
    from_id,
    to_payload_selector,
    to_point,
    to_record,
    to_request,
    to_response,
)

SLICE: Final = 128
"""Points in one engine call: 11 ms with the GIL held; smaller ones cost more each (the log's fsync)."""
DONE: Final = models.UpdateResult(operation_id=None, status=models.UpdateStatus.COMPLETED)


class EdgeClient(EdgeCollections):
    """Reads and writes points. Every read and write of a collection that is not there raises a 404."""

    async def create_payload_index(
        self,
        collection_name: str,
        field_name: str,
        field_schema: Any = None,
        wait: bool = True,
        **others: Any,
    ) -> models.UpdateResult:
        refuse(others)
        operation = edge.UpdateOperation.create_field_index(field_name, to_field_index(field_schema))
        return await self._update(self.require(collection_name), operation)

    async def upsert(
        self,
        collection_name: str,
        points: Sequence[models.PointStruct],
        wait: bool = True,
        **others: Any,
    ) -> models.UpdateResult:
        """Insert or replace the points, a slice at a time; a point that does not fit stops it before any."""
        refuse(others)
        if isinstance(points, models.Batch):
            raise unsupported("`Batch`; give a list of PointStruct")
        shard = self.require(collection_name)
        require_vectors(shard.schema, points)
        for start in range(0, len(points), SLICE):
            await self.off(self.writes, _upsert, shard, points[start : start + SLICE])
        self.optimizer.written(shard)
        return DONE

    async def set_payload(
        self,
        collection_name: str,
        payload: dict[str, Any],
        points: Any,
        key: str | None = None,
        wait: bool = True,
        **others: Any,
    ) -> models.UpdateResult:
        refuse(others)
        ids, matching = to_selection(points)
        if matching is None:
            operation = edge.UpdateOperation.set_payload(ids, payload, key)
        else:
            operation = edge.UpdateOperation.set_payload_by_filter(matching, payload, key)
        return await self._update(self.require(collection_name), operation)

    async def delete(
        self, collection_name: str, points_selector: Any, wait: bool = True, **others: Any
    ) -> models.UpdateResult:
        refuse(others)
        ids, matching = to_selection(points_selector)
        if matching is None:
            operation = edge.UpdateOperation.delete_points(ids)
        else:
            operation = edge.UpdateOperation.delete_points_by_filter(matching)
        return await self._update(self.require(collection_name), operation)

    async def query_points(
        self,
        collection_name: str,
        query: Any = None,
        using: str | None = None,
        prefetch: Any = None,
        query_filter: models.Filter | None = None,
        search_params: models.SearchParams | None = None,
        limit: int = 10,
        offset: int | None = None,
        with_payload: Any = True,
        with_vectors: Any = False,
        score_threshold: float | None = None,
        **others: Any,
    ) -> http.QueryResponse:
        refuse(others)
        request = models.QueryRequest.model_construct(
            query=query,
            using=using,
            prefetch=prefetch,
            filter=query_filter,
            params=search_params,
            limit=limit,
            offset=offset,
            with_payload=with_payload,
            with_vector=with_vectors,
            score_threshold=score_threshold,
        )
        return (await self.query_batch_points(collection_name, [request]))[0]

    async def query_batch_points(
        self, collection_name: str, requests: Sequence[models.QueryRequest], **others: Any
    ) -> list[http.QueryResponse]:
        """Return one response a request, in order; points best first."""
        refuse(others)
        batch = edge.QueryBatchRequest([to_request(request) for request in requests])
        found = await self.read(collection_name, lambda engine: engine.query_batch(batch))
        return [to_response(points) for points in found]

    async def scroll(
        self,
        collection_name: str,
        scroll_filter: models.Filter | None = None,
        limit: int = 10,
        offset: Any = None,
        with_payload: Any = True,
        with_vectors: Any = False,
        **others: Any,
    ) -> tuple[list[models.Record], Any]:
        """Return a page in the order of ids, and the id at which the next begins, or None."""
        refuse(others)
        request = edge.ScrollRequest(
            offset=None if offset is None else to_id(offset),
            limit=limit,
            filter=to_filter(scroll_filter),
            with_payload=to_payload_selector(with_payload),
            with_vector=with_vectors,
        )
        records, after = await self.read(collection_name, lambda engine: engine.scroll(request))
        return [to_record(record) for record in records], from_id(after)

    async def retrieve(
        self,
        collection_name: str,
        ids: Sequence[Any],
        with_payload: Any = True,
        with_vectors: Any = False,
        **others: Any,
    ) -> list[models.Record]:
        """Return the points that exist among `ids`."""
        refuse(others)
        selector = to_payload_selector(with_payload)
        wanted = [to_id(id) for id in ids]
        found = await self.read(
            collection_name, lambda engine: engine.retrieve(wanted, selector, with_vectors)
        )
        return [to_record(record) for record in found]

    async def count(
        self,
        collection_name: str,
        count_filter: models.Filter | None = None,
        exact: bool = True,
        **others: Any,
    ) -> models.CountResult:
        refuse(others)
        request = edge.CountRequest(exact, to_filter(count_filter))
        counted = await self.read(collection_name, lambda engine: engine.count(request))
        return models.CountResult(count=counted)

    async def optimize(self, collection_name: str) -> None:
        """Index all points now, in a child process; reads and writes go on meanwhile. Ours alone."""
        await self.optimizer.run(self.require(collection_name))

    async def _update(self, shard: Shard, operation: edge.UpdateOperation) -> models.UpdateResult:
        await self.off(self.writes, shard.write, operation)
        return DONE


def _upsert(shard: Shard, points: Sequence[models.PointStruct]) -> None:
    shard.write(edge.UpdateOperation.upsert_points([to_point(point) for point in points]), len(points))
