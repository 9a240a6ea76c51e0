"""A Qdrant server is told how its operator wants collections laid out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from qdrant_client import models
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ports.qdrant import open_vectors
from ports.settings import Settings
from tests.servers.ollama import serving

LAYOUT = {
    "shard_number": 12,
    "replication_factor": 2,
    "on_disk_payload": True,
    "vectors_on_disk": True,
    "quantization_config": {"scalar": {"type": "int8", "always_ram": True}},
    "hnsw_config": {"m": 24},
}


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that notes what collections it is asked to make."""
    asked: list[dict[str, Any]] = []

    async def create(request: Request) -> JSONResponse:
        asked.append(await request.json())
        return JSONResponse({"time": 0.0, "status": "ok", "result": True})

    with serving(Starlette(routes=[Route("/collections/{name}", create, methods=["PUT"])])) as url:
        yield url, asked


async def test_a_collection_is_made_as_the_layout_says(
    told: tuple[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = told
    monkeypatch.setenv("SWITCHBOARD_QDRANT_LAYOUT", json.dumps(LAYOUT))
    layout = Settings().qdrant_layout
    dense = models.VectorParams(size=4, distance=models.Distance.COSINE)
    async with open_vectors(url, None, tmp_path, layout=layout) as client:
        await client.create_collection(
            "passages", vectors_config={"dense": dense}, metadata={"embedding": "x"}
        )
    (body,) = asked
    assert body["vectors"]["dense"] == {"size": 4, "distance": "Cosine", "on_disk": True}
    assert body["metadata"] == {"embedding": "x"}
    wanted = {name: value for name, value in LAYOUT.items() if name != "vectors_on_disk"}
    assert {name: body[name] for name in wanted} == wanted


async def test_without_a_layout_the_server_decides(
    told: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    url, asked = told
    dense = models.VectorParams(size=4, distance=models.Distance.COSINE)
    async with open_vectors(url, None, tmp_path) as client:
        await client.create_collection("passages", vectors_config={"dense": dense})
    assert asked == [{"vectors": {"dense": {"size": 4, "distance": "Cosine"}}}]


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({"vectors": {}}, "'vectors' is none of vectors_on_disk, shard_number"),
        ({"shard_number": "many"}, "shard_number"),
        ({"vectors_on_disk": "yes"}, "vectors_on_disk must be true or false"),
        ({"quantization_config": {"scaler": {}}}, "quantization_config"),
    ],
)
def test_a_layout_that_qdrant_would_not_take_is_refused(layout: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(qdrant_layout=layout)
