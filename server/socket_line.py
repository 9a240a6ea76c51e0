"""A WebSocket's connection, which ends soon after the WebSocket is over even where the client takes nothing any more.

Left to itself it would wait for the client to read what is on its way, for hours, with its buffers held.
"""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

LINGER_S: Final = 5.0
"""Seconds in which the last messages and the close may still arrive."""

AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER that drops what is unsent. Source: socket(7)."""


class SocketLine(WebSocketsSansIOProtocol):
    """Uvicorn's protocol with that end, and without an error in the log for each handshake that is refused."""

    _lost = False

    async def run_asgi(self) -> None:
        """Serve the WebSocket, then end the connection."""
        try:
            await super().run_asgi()
        finally:
            asyncio.get_running_loop().call_later(LINGER_S, self._end)

    async def send(self, message: "ASGISendEvent") -> None:
        """Send a message of the application's; the last of a refusal completes the handshake."""
        await super().send(message)
        # After a refusal with a body uvicorn does not note it, and logs an application that gave no answer.
        self.handshake_complete = self.handshake_complete or self.close_sent

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that there is nothing left to end."""
        self._lost = True
        super().connection_lost(exc)

    def _end(self) -> None:
        if not self._lost:
            line: socket.socket = self.transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.transport.abort()
