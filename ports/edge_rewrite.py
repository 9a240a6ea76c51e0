"""Writes an embedded collection anew from the points that it has: what was deleted lies in no file any more.

The engine marks points as deleted and leaves them in its segments and its write-ahead log; its optimizer rewrites a
segment only where enough of it is gone.
"""

from pathlib import Path
from typing import Final

import qdrant_edge as edge

from ports import edge_schema
from ports.edge import EdgeClient
from ports.edge_index import to_field_index, to_index_info
from ports.edge_shard import Shard

SLICE: Final = 256
"""Points that are copied at a time."""


async def rewrite(client: EdgeClient, collection: str) -> None:
    """Write the collection into fresh files and delete the old ones. Nobody else may write to it meanwhile."""
    shard = client.require(collection)
    await client.off(client.writes, _rewrite, shard)


def _rewrite(shard: Shard) -> None:
    fresh = shard.fresh_folder()
    fill(shard, fresh)
    shard.adopt(fresh)


def fill(shard: Shard, fresh: Path) -> None:
    """Make an engine with the same points and payload indexes in the folder."""
    fresh.mkdir(parents=True)
    engine = edge.EdgeShard.create(str(fresh), edge_schema.to_config(shard.schema))
    for name, index in to_index_info(shard.read(lambda one: one.info().payload_schema)).items():
        field = to_field_index(index.params or index.data_type)
        engine.update(edge.UpdateOperation.create_field_index(name, field))
    offset = None
    while True:
        request = edge.ScrollRequest(
            offset=offset, limit=SLICE, filter=None, with_payload=True, with_vector=True
        )
        records, offset = shard.read(lambda one, request=request: one.scroll(request))
        points = [edge.Point(one.id, one.vector or {}, one.payload or {}) for one in records]
        if points:
            engine.update(edge.UpdateOperation.upsert_points(points))
        if offset is None:
            break
    engine.flush()
    engine.close()
