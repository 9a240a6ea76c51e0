"""Calls the tools of an agent over HTTP. What goes wrong there is an answer too: the model reads it.

Who configures an agent chooses the address. One that is not public may be a service that trusts whoever is inside, so
names are looked up here, the addresses are checked, and the connection goes to one that was.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpx

from contracts.context import Returned
from contracts.tools import Tool
from ports.settings import Network

MOST: Final = 1_000_000
"""Bytes of an answer that are read."""
LONGEST_S: Final = 60.0
"""Seconds without a byte after which a tool is given up, whatever its own timeout."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a name."""

NAT64: Final = IPv6Network("64:ff9b::/96")
"""Holds an IPv4 address in its last 32 bits. Source: RFC 6052, section 2.1."""


class NotAllowed(Exception):
    """The tool is in a network where none may be called."""


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


class Checked(httpx.AsyncBaseTransport):
    """Connects to an address that was checked, whatever the name may mean a moment later."""

    def __init__(self, inside: Sequence[Network], resolve: Resolve) -> None:
        self._inside, self._resolve = inside, resolve
        # No connection is kept: it is known by its address alone, and another name may share that.
        self._transport = httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request. Raises NotAllowed."""
        name = request.url.host
        request.extensions = {**request.extensions, "sni_hostname": name}
        last: httpx.ConnectError | None = None
        for address in await self._addresses(name, request.url.port or 0):
            request.url = request.url.copy_with(host=address)
            try:
                return await self._transport.handle_async_request(request)
            except httpx.ConnectError as error:
                last = error
        raise last or httpx.ConnectError(f"{name} has no address")

    async def _addresses(self, name: str, port: int) -> list[str]:
        """Return the addresses of the name that may be called. Raises NotAllowed where none of them may."""
        try:
            found = await self._resolve(name, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error)) from error
        able = [one for one in found if may_be_called(one, self._inside)]
        if found and not able:
            raise NotAllowed(
                f"The tool's host {name} is at {found[0]}, which is not a public address, so it was not called. "
                f"Where it may be, add it to SWITCHBOARD_TOOL_NETWORKS, as in {found[0].partition('%')[0]}."
            )
        return able

    async def aclose(self) -> None:
        await self._transport.aclose()


def may_be_called(text: str, inside: Sequence[Network]) -> bool:
    """Tell whether an address is public, or in one of the networks; one that stands for another is judged as that."""
    address: Address = ip_address(text)
    if isinstance(address, IPv6Address):
        within = IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
        address = address.ipv4_mapped or address.sixtofour or within or address
    public = address.is_global and not address.is_multicast
    return public or any(address in network for network in inside if network.version == address.version)


async def look_up(name: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, in the system's order. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@asynccontextmanager
async def open_tools(inside: Sequence[Network], resolve: Resolve = look_up) -> AsyncGenerator[HttpTools]:
    """Open the client and close its connections at the end. `inside`: networks that are allowed besides public ones."""
    checked = Checked(inside, resolve)
    async with httpx.AsyncClient(
        follow_redirects=False, trust_env=False, timeout=LONGEST_S, transport=checked
    ) as client:
        yield HttpTools(client)
