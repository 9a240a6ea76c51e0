"""Opens the vector index: Qdrant Edge in the data folder, or a Qdrant server where a URL is given.

What both raise when the index is gone is `qdrant_client.http.exceptions.ApiException`:
`ResponseHandlingException` (no connection, timeout, closed) and `UnexpectedResponse` (a status).
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from qdrant_client import AsyncQdrantClient
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from contracts.errors import SetupError
from ports.edge import EdgeClient

Vectors = EdgeClient | AsyncQdrantClient
TIMEOUT: Final = timedelta(seconds=10)


class LaidOut(AsyncQdrantClient):
    """A client that makes collections as an operator wants them laid out over a cluster's nodes, memory and disks."""

    def __init__(self, layout: Mapping[str, Any], **others: Any) -> None:
        super().__init__(**others)
        self._layout = dict(layout)
        self._on_disk: bool | None = self._layout.pop("vectors_on_disk", None)

    async def create_collection(  # pyright: ignore[reportIncompatibleMethodOverride] only by name, as we call it
        self, collection_name: str, vectors_config: Any = None, **others: Any
    ) -> bool:
        """Create the collection; what the caller says of its schema stands, the layout says the rest."""
        vectors = {
            name: params.model_copy(update={"on_disk": self._on_disk})
            for name, params in vectors_config.items()
        }
        return await super().create_collection(collection_name, vectors, **{**self._layout, **others})


@asynccontextmanager
async def open_vectors(
    url: str | None,
    api_key: str | None,
    folder: Path,
    *,
    timeout: timedelta = TIMEOUT,
    layout: Mapping[str, Any] | None = None,
) -> AsyncGenerator[Vectors]:
    """Open the index; a server is not contacted yet, the folder's collections are loaded.

    `layout`: how a server is to make collections (SWITCHBOARD_QDRANT_LAYOUT). Raises SetupError where the folder cannot
    be read or another process has it open.
    """
    client = await _edge(folder) if url is None else _server(url, api_key, timeout, layout or {})
    try:
        yield client
    finally:
        await client.close()


def _server(
    url: str, api_key: str | None, timeout: timedelta, layout: Mapping[str, Any]
) -> AsyncQdrantClient:
    return LaidOut(
        layout,
        url=url,
        api_key=api_key,
        prefer_grpc=False,
        timeout=max(1, round(timeout.total_seconds())),
        check_compatibility=False,
    )


async def _edge(folder: Path) -> EdgeClient:
    try:
        return await asyncio.to_thread(EdgeClient, folder)
    except (OSError, ApiException) as error:
        raise SetupError(
            f"The index ({folder.name!r} in the data folder) cannot be opened: {_reason(error)}. "
            "Check that this user may read and write the data folder and that no other process has it open."
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnexpectedResponse):
        return error.content.decode(errors="replace")[:200]
    return str(error)
