"""`WS /api/v1/chat/ws/{user_id}`: the runs and the news of one user over one line. docs/websocket.md has its messages.

A stranger's handshake is answered as any request is: with a status and a sentence, and no WebSocket.
"""

from typing import Annotated, Final, cast

from fastapi import APIRouter, Query, WebSocket
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from contracts.errors import Forbidden, RateLimited
from contracts.identity import Identity
from graph.failures import known
from server.answers import answer_of
from server.parts import Parts
from server.socket_news import News
from server.socket_session import OUTAGES, Session

router = APIRouter()

PROTOCOL: Final = "switchboard"
"""The subprotocol that this server speaks."""

BEARER: Final = "bearer."
"""Begins the subprotocol that carries the key of a browser's page, which cannot set a header."""

FULL: Final = 4429
"""The close code of a socket too many: as HTTP's 429."""


@router.websocket("/chat/ws/{user_id:path}")
async def socket(ws: WebSocket, user_id: str, after: Annotated[str, Query(max_length=100)] = "") -> None:
    """Serve one WebSocket."""
    here, headers = cast(Parts, ws.app.state.parts), with_key(ws)
    try:
        who = await here.gate.identify(headers)
        require_self(who, user_id)
        news = News(here.database, who, after)
        await news.begin()
    except OUTAGES as failure:
        await ws.send_denial_response(answer_of(known(failure)))
        return
    await ws.accept(PROTOCOL if PROTOCOL in ws.scope["subprotocols"] else None)
    session = Session(ws, here, who, headers, news)
    try:
        with here.sockets.place(who):
            await session.run()
    except RateLimited as refused:
        await session.refuse(refused, FULL)


def with_key(ws: HTTPConnection) -> Headers:
    """Return the request's headers, with the key from the subprotocols where there is no header for it."""
    offered: list[str] = ws.scope["subprotocols"]
    key = next((one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)), "")
    if "authorization" in ws.headers or not key:
        return ws.headers
    return Headers({**ws.headers, "authorization": f"Bearer {key}"})


def require_self(who: Identity, user_id: str) -> None:
    """Raise Forbidden where the address names another user than the key does."""
    if user_id != who.user:
        raise Forbidden(f"The key is {who.user!r}'s, not {user_id[:80]!r}'s. Connect to /chat/ws/{who.user}.")
