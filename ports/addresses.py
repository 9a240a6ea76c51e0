"""Which addresses may be connected to, and connections to those alone.

Who names a host may not be who may reach what stands behind it: a name can mean a service inside that trusts whoever is
inside. So names are looked up here, the addresses are checked, and the connection goes to one that was; what the name
means a moment later changes nothing, and the certificate is still checked against the name.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

import httpx

from ports.settings import Network

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a name."""

NAT64: Final = IPv6Network("64:ff9b::/96")
"""Holds an IPv4 address in its last 32 bits. Source: RFC 6052, section 2.1."""
UNICAST: Final = IPv6Network("2000::/3")
"""All that is given out as public IPv6 addresses. Source: IANA's IPv6 address space registry."""


class NotAllowed(Exception):
    """The host is in a network, or the port is one, that may not be connected to."""


class Checked(httpx.AsyncBaseTransport):
    """Connects to an address that was checked, whatever the name may mean a moment later."""

    def __init__(
        self,
        inside: Sequence[Network],
        resolve: Resolve,
        refusal: Callable[[str, str], str],
        ports: Collection[int] = (),
    ) -> None:
        """`inside`: networks that are allowed besides public ones. `refusal`: the sentence for a host and its address.

        `ports`: those at which a public address may be called, all where none is named; inside, any may be.
        """
        self._inside, self._resolve, self._refusal, self._ports = inside, resolve, refusal, ports
        # No connection is kept: it is known by its address alone, and another name may share that.
        self._transport = httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request. Raises NotAllowed."""
        name = request.url.host
        request.extensions = {**request.extensions, "sni_hostname": name}
        last: httpx.ConnectError | None = None
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        for address in await self._addresses(name, port):
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
            raise NotAllowed(self._refusal(name, found[0].partition("%")[0]))
        if self._ports and port not in self._ports:
            inside = [one for one in able if within(address_of(one), self._inside)]
            if able and not inside:
                known = ", ".join(map(str, sorted(self._ports)))
                raise NotAllowed(
                    f"port {port} of {name} was not called, a public host is asked at {known} alone."
                )
            return inside
        return able

    async def aclose(self) -> None:
        await self._transport.aclose()


def address_of(text: str) -> Address:
    """Return the address; one that stands for an IPv4 address is that."""
    address: Address = ip_address(text)
    if isinstance(address, IPv6Address):
        carried = IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
        return address.ipv4_mapped or address.sixtofour or carried or address
    return address


def may_be_called(text: str, inside: Sequence[Network]) -> bool:
    """Tell whether an address is public, or in one of the networks; one that stands for another is judged as that."""
    address = address_of(text)
    return is_public(address) or within(address, inside)


def is_public(address: Address) -> bool:
    """Tell whether it is an address of the internet: not private, loopback, link-local, reserved or multicast."""
    given_out = isinstance(address, IPv4Address) or address in UNICAST
    return given_out and address.is_global and not address.is_multicast


def within(address: Address, networks: Sequence[Network]) -> bool:
    """Tell whether the address is in one of the networks."""
    return any(address in network for network in networks if network.version == address.version)


async def look_up(name: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, in the system's order. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))
