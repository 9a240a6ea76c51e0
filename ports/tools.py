"""Calls the tools of an agent over HTTP. What goes wrong there is an answer too: the model reads it.

Who configures an agent chooses the address: ports/addresses.py says which may be called.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from contracts.context import Returned
from contracts.tools import Tool
from ports.addresses import Checked, NotAllowed, Resolve, look_up
from ports.settings import Network

MOST: Final = 1_000_000
"""Bytes of an answer that are read."""
LONGEST_S: Final = 60.0
"""Seconds without a byte after which a tool is given up, whatever its own timeout."""


class HttpTools:
    """Posts arguments as JSON to a tool's address; follows no redirect and uses no proxy of the environment."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(self, tool: Tool, arguments: dict[str, Any], key: str) -> Returned:
        """Return what the tool answers; `key` tells the tool which call this is, should it come twice."""
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Idempotency-Key": key,
        }
        sent = json.dumps(arguments)  # in ASCII: half a surrogate pair has no UTF-8
        try:
            request = self._client.build_request("POST", tool.url, content=sent, headers=headers)
            async with asyncio.timeout(tool.timeout):
                response = await self._client.send(request, stream=True)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        except NotAllowed as refused:
            return _failed(str(refused))
        except (TimeoutError, httpx.TimeoutException):
            return _failed(f"The tool did not answer within {tool.timeout} s.")
        except (httpx.HTTPError, httpx.InvalidURL):
            return _failed("The tool cannot be reached, or broke off its answer.")


async def _read(response: httpx.Response) -> Returned:
    if response.is_redirect:
        return _failed(f"The tool answered with status {response.status_code}: it points elsewhere.")
    if response.headers.get("content-encoding", "identity") != "identity":
        return _failed("The tool answered in an encoding that was not asked for.")
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > MOST:
            break
    try:
        text = body[:MOST].decode(response.encoding or "utf-8", "replace")
    except LookupError:  # a codec that makes no text
        text = body[:MOST].decode("utf-8", "replace")
    if len(body) > MOST:
        text += f"\n(The tool's answer goes on: it has more than {MOST:,} bytes.)"
    if response.is_error:
        return _failed(f"The tool answered with status {response.status_code}: {text}")
    return {"ok": True, "text": text}


def _failed(text: str) -> Returned:
    return {"ok": False, "text": text}


def _refusal(name: str, address: str) -> str:
    return (
        f"The tool's host {name} is at {address}, which is not a public address, so it was not called. "
        f"Where it may be, add it to SWITCHBOARD_TOOL_NETWORKS, as in {address}."
    )


@asynccontextmanager
async def open_tools(inside: Sequence[Network], resolve: Resolve = look_up) -> AsyncGenerator[HttpTools]:
    """Open the client and close its connections at the end. `inside`: networks that are allowed besides public ones."""
    checked = Checked(inside, resolve, _refusal)
    async with httpx.AsyncClient(
        follow_redirects=False, trust_env=False, timeout=LONGEST_S, transport=checked
    ) as client:
        yield HttpTools(client)
