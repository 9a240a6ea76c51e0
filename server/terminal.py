"""`switchboard ask`: a question in the terminal, over the same HTTP and the same stream as every client.

Where a server owns the data folder, it answers; else one is started in this process for the question's time.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from rich.console import Console

from contracts.errors import SetupError, SwitchboardError
from ports.folder import Owner, owner_of
from ports.settings import Settings
from server.auth import TENANT_HEADER
from server.jobs import IndexerFor
from server.serve import Stop, serve

Said = tuple[str, dict[str, Any]]


class Refused(SwitchboardError):
    """The server answered with an error; its sentence is the message."""


def main(arguments: list[str], indexer_for: IndexerFor) -> int:
    """Ask, print the answer as it streams, and return the exit code."""
    parser = argparse.ArgumentParser(prog="switchboard ask", description="Ask a question in the terminal.")
    parser.add_argument("question")
    parser.add_argument("--agent", default="default")
    parser.add_argument("--tenant", default="local")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options = parser.parse_args(arguments)
    try:
        return asyncio.run(_main(options, indexer_for))
    except (SetupError, Refused) as error:
        print(error.message, file=sys.stderr)
    except httpx.HTTPError as error:
        print(f"The server cannot be reached ({error}). Is it running?", file=sys.stderr)
    return 1


async def _main(options: argparse.Namespace, indexer_for: IndexerFor) -> int:
    async with reach(Settings(), options.tenant, indexer_for) as client:
        events = ask(client, options.question, options.agent)
        return await (_print_json(events) if options.json else _print(events))


@asynccontextmanager
async def reach(
    settings: Settings, tenant: str, indexer_for: IndexerFor
) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client of the server that owns the data folder, or of one that lives as long as the block."""
    timeout = httpx.Timeout(30, read=60)
    owner = owner_of(settings.data_dir)
    if owner is not None:
        async with httpx.AsyncClient(
            base_url=owner.url, timeout=timeout, headers=_headers(owner.token, tenant)
        ) as client:
            yield client
        return
    ready: asyncio.Future[tuple[str, Stop]] = asyncio.get_running_loop().create_future()
    own = settings.model_copy(update={"host": "127.0.0.1", "port": 0})

    def started(url: str, stop: Stop) -> None:
        ready.set_result((url, stop))

    task = asyncio.create_task(serve(own, indexer_for, started))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    url, stop = await ready
    try:
        headers = _headers(cast(Owner, owner_of(settings.data_dir)).token, tenant)
        async with httpx.AsyncClient(base_url=url, timeout=timeout, headers=headers) as client:
            yield client
    finally:
        stop()
        await task


def _headers(token: str, tenant: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", TENANT_HEADER: tenant}


async def ask(client: httpx.AsyncClient, question: str, agent: str) -> AsyncIterator[Said]:
    """Yield the events of a question in a conversation of its own. Raises Refused."""
    made = await client.post("/api/v1/messaging/conversations", json={})
    _require_ok(made, made.content)
    url = f"/api/v1/messaging/conversations/{made.json()['id']}/stream"
    async with client.stream("POST", url, json={"content": question, "agent": agent}) as response:
        if response.status_code >= 400:
            _require_ok(response, await response.aread())
        name = ""
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def _require_ok(response: httpx.Response, body: bytes) -> None:
    if response.status_code >= 400:
        raise Refused(str(json.loads(body)["message"]))


async def _print(events: AsyncIterator[Said]) -> int:
    """Print the answer as it comes, then where it comes from."""
    notes = Console(stderr=True, highlight=False)
    passages: dict[str, dict[str, Any]] = {}
    cited: dict[str, int] = {}
    code = 0
    async for name, data in events:
        match name:
            case "decision":
                notes.print(f"[dim]{data['path']} · {data['confidence']:.0%} · {data['reason']}[/dim]")
            case "sources":
                passages = {passage["id"]: passage for passage in data["passages"]}
            case "token":
                print(data["text"], end="", flush=True)
            case "citation":
                for id in data["passages"][:1]:
                    cited.setdefault(id, len(cited) + 1)
            case "error":
                notes.print(f"\n[red]{data['message']}[/red]")
                code = 1
            case _:
                pass
    print(flush=True)
    for id, number in cited.items():
        if passage := passages.get(id):
            page = f", page {passage['page']}" if passage["page"] else ""
            notes.print(f"[dim]\\[{number}] {passage['source']}{page}[/dim]")
    return code


async def _print_json(events: AsyncIterator[Said]) -> int:
    """Print one JSON object with everything that the stream said."""
    result: dict[str, Any] = {"citations": [], "error": None}
    async for name, data in events:
        match name:
            case "citation":
                result["citations"].append(data)
            case "error" | "decision" | "usage" | "context":
                result[name] = data
            case "sources":
                result["sources"] = data["passages"]
            case "done":
                result |= {"status": data["status"], "text": data["text"]}
            case _:
                pass
    print(json.dumps(result))
    return 1 if result["error"] else 0
