"""The shield for WebSockets as well: a page of another site may open one to any server, and only this stops it."""

from starlette.types import Receive, Scope, Send

from contracts.errors import SwitchboardError
from server.answers import answer_of
from server.shield import Shield


class SocketShield(Shield):
    """Refuses a handshake from another site's page, or under a foreign name, as it does with requests."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or a handshake on, or answer it here."""
        if scope["type"] == "websocket":
            try:
                self._require_same_site({name: value.decode("latin-1") for name, value in scope["headers"]})
            except SwitchboardError as error:
                await answer_of(error)(scope, receive, send)
                return
        await super().__call__(scope, receive, send)
