"""Qdrant's REST API over the embedded engine and real HTTP: what the tests reach where Qdrant is not installed.

It knows the routes that are used here, and takes what the client sends as the client's own models.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ports.edge import EdgeClient
from tests.servers.ollama import serving

DONE = {"operation_id": 0, "status": "completed"}


class Qdrant:
    """The routes, over one engine."""

    def __init__(self, engine: EdgeClient) -> None:
        self._engine: Any = engine

    async def exists(self, name: str, body: Any) -> Any:
        return {"exists": await self._engine.collection_exists(name)}

    async def create(self, name: str, body: Any) -> Any:
        wanted = models.CreateCollection.model_validate(body)
        await self._engine.create_collection(
            name,
            vectors_config=wanted.vectors,
            sparse_vectors_config=wanted.sparse_vectors,
            metadata=wanted.metadata,
        )
        return True

    async def info(self, name: str, body: Any) -> Any:
        return await self._engine.get_collection(name)

    async def index(self, name: str, body: Any) -> Any:
        wanted = models.CreateFieldIndex.model_validate(body)
        await self._engine.create_payload_index(name, wanted.field_name, field_schema=wanted.field_schema)
        return DONE

    async def listed(self, name: str, body: Any) -> Any:
        return await self._engine.get_collections()

    async def drop(self, name: str, body: Any) -> Any:
        return await self._engine.delete_collection(name)

    async def aliases(self, name: str, body: Any) -> Any:
        return await self._engine.get_aliases()

    async def switch(self, name: str, body: Any) -> Any:
        wanted = models.ChangeAliasesOperation.model_validate(body)
        return await self._engine.update_collection_aliases(wanted.actions)

    async def retrieve(self, name: str, body: Any) -> Any:
        wanted = models.PointRequest.model_validate(body)
        found = await self._engine.retrieve(
            name, wanted.ids, with_payload=wanted.with_payload, with_vectors=wanted.with_vector
        )
        return [point.model_dump() for point in found]

    async def set_payload(self, name: str, body: Any) -> Any:
        wanted = models.SetPayload.model_validate(body)
        points = wanted.points if wanted.filter is None else wanted.filter
        await self._engine.set_payload(name, wanted.payload, points=points)
        return DONE

    async def upsert(self, name: str, body: Any) -> Any:
        await self._engine.upsert(name, models.PointsList.model_validate(body).points)
        return DONE

    async def delete(self, name: str, body: Any) -> Any:
        await self._engine.delete(name, points_selector=models.FilterSelector.model_validate(body))
        return DONE

    async def count(self, name: str, body: Any) -> Any:
        return await self._engine.count(name, count_filter=models.CountRequest.model_validate(body).filter)

    async def scroll(self, name: str, body: Any) -> Any:
        wanted = models.ScrollRequest.model_validate(body)
        points, following = await self._engine.scroll(
            name,
            scroll_filter=wanted.filter,
            limit=wanted.limit,
            offset=wanted.offset,
            with_payload=wanted.with_payload,
            with_vectors=wanted.with_vector,
        )
        return {"points": [point.model_dump() for point in points], "next_page_offset": following}

    async def query(self, name: str, body: Any) -> Any:
        asked = models.QueryRequestBatch.model_validate(body).searches
        return [one.model_dump() for one in await self._engine.query_batch_points(name, asked)]


Work = Callable[[str, Any], Awaitable[Any]]


def _route(path: str, method: str, work: Work, before: str = "/collections/{name}") -> Route:
    async def answer(request: Request) -> Response:
        body = await request.json() if await request.body() else None
        try:
            found = await work(request.path_params.get("name", ""), body)
        except UnexpectedResponse as refused:
            return Response(refused.content, refused.status_code or 500)
        result = found.model_dump(mode="json") if isinstance(found, BaseModel) else found
        return JSONResponse({"time": 0.0, "status": "ok", "result": result})

    return Route(f"{before}{path}", answer, methods=[method])


@contextmanager
def qdrant(folder: Path) -> Generator[str]:
    """Serve an engine over the folder from a thread and give its URL."""
    engine = EdgeClient(folder)
    it = Qdrant(engine)
    routes = [
        _route("/aliases", "GET", it.aliases, ""),
        _route("/collections", "GET", it.listed, ""),
        _route("/collections/aliases", "POST", it.switch, ""),
        _route("/exists", "GET", it.exists),
        _route("", "DELETE", it.drop),
        _route("/points", "POST", it.retrieve),
        _route("/points/payload", "POST", it.set_payload),
        _route("", "PUT", it.create),
        _route("", "GET", it.info),
        _route("/index", "PUT", it.index),
        _route("/points", "PUT", it.upsert),
        _route("/points/delete", "POST", it.delete),
        _route("/points/count", "POST", it.count),
        _route("/points/scroll", "POST", it.scroll),
        _route("/points/query/batch", "POST", it.query),
    ]
    with serving(Starlette(routes=routes)) as url:
        yield url
    asyncio.run(engine.close())
