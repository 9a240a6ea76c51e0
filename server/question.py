"""One question over HTTP: the server that owns the data folder answers it, else one started for its time."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from contracts.errors import BadRequest, SwitchboardError
from ports.folder import Owner, owner_of
from ports.settings import Settings

if TYPE_CHECKING:
    from server.jobs import IndexerFor

Said = tuple[str, dict[str, Any]]
"""An event's name and data."""

ENDS: Final = frozenset({"done", "error"})


class Refused(SwitchboardError):
    """The server answered with an error, or not at all; `said` is the error's body."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(str(said["message"]))
        self.said = said

    def body(self) -> dict[str, str | bool]:
        return self.said


@asynccontextmanager
async def reach(
    settings: Settings, tenant: str, indexer_for: "IndexerFor"
) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client of the server that owns the data folder, or of one that lives as long as the block."""
    owner = owner_of(settings.data_dir)
    if owner is not None:
        async with client_of(owner, tenant) as client:
            yield client
        return
    if sys.stderr.isatty():
        print("No server is running here: starting one for this question.", file=sys.stderr)
    from server.serve import Stop, serve  # seconds of imports that a running server makes needless

    ready: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()
    own = settings.model_copy(update={"host": "127.0.0.1", "port": 0})
    task = asyncio.create_task(serve(own, indexer_for, lambda _, stop: ready.set_result(stop)))
    try:
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        async with client_of(cast(Owner, owner_of(settings.data_dir)), tenant) as client:
            yield client
    finally:
        if ready.done():
            ready.result()()
            await task
        else:
            task.cancel()
            await asyncio.wait([task])


def client_of(owner: Owner, tenant: str) -> httpx.AsyncClient:
    """Return a client that acts for the tenant. Raises BadRequest for one that a header cannot carry.

    No proxy of the environment is used: it could not reach this machine's loopback, and would read the token.
    """
    if not (tenant and tenant.isascii() and tenant.isprintable()):
        raise BadRequest(
            f"{tenant!r} cannot be asked for here: --tenant takes plain ASCII letters and signs."
        )
    return httpx.AsyncClient(
        base_url=owner.url,
        headers={"Authorization": f"Bearer {owner.token}", "X-Switchboard-Tenant": tenant},
        timeout=httpx.Timeout(30, read=60),
        trust_env=False,
    )


async def ask(client: httpx.AsyncClient, question: str, agent: str) -> AsyncIterator[Said]:
    """Yield the events of a question in a conversation of its own; from the line, also those of its answer.

    Whoever stops waiting stops the answer. Raises Refused where the server refuses or goes away.
    """
    run_id = ""
    try:
        made = await client.post("/api/v1/messaging/conversations", json={})
        _require_ok(made)
        stream = f"/api/v1/messaging/conversations/{made.json()['id']}/stream"
        request = client.build_request("POST", stream, json={"content": question, "agent": agent})
        while request is not None:
            follow = ""
            async for name, data in _events(client, request):
                run_id = data["run_id"] if name == "run" else run_id
                follow = data.get("run_id", follow) if name == "queue" else follow
                yield name, data
            run_id = follow
            request = (
                client.build_request("GET", f"/api/v1/messaging/runs/{follow}/stream") if follow else None
            )
    except httpx.HTTPError as lost:
        raise _gone(client, run_id) from lost
    except asyncio.CancelledError:
        if run_id:
            with suppress(httpx.HTTPError):
                await client.post(f"/api/v1/messaging/runs/{run_id}/cancel")
        raise


async def _events(client: httpx.AsyncClient, request: httpx.Request) -> AsyncIterator[Said]:
    """Yield a stream's events to its one end. Raises Refused where it ends without."""
    response = await client.send(request, stream=True)
    try:
        if response.is_error:
            await response.aread()
            _require_ok(response)
        name = ""
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])
        if name not in ENDS:
            raise httpx.RemoteProtocolError("the stream ended without an end", request=request)
    finally:
        await response.aclose()


def _gone(client: httpx.AsyncClient, run_id: str) -> Refused:
    where = str(client.base_url).rstrip("/")
    message = f"The server at {where} does not answer. Look whether it still runs, then ask again."
    if run_id:
        message = (
            f"The server at {where} went away before the answer was complete. When it runs again it goes on "
            f"with it: GET /api/v1/messaging/runs/{run_id}/stream."
        )
    return Refused({"code": "server_gone", "message": message, "retryable": True})


def _require_ok(response: httpx.Response) -> None:
    if response.is_error:
        with suppress(ValueError, KeyError, TypeError):
            raise Refused(response.json())
        message = f"The server answered with HTTP {response.status_code}. Look at its log."
        raise Refused({"code": "internal", "message": message, "retryable": True})
