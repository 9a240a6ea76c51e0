"""What the resources share, made once by the composition root and handed to create_app."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from contracts.errors import StoreUnavailable
from contracts.identity import Identity
from graph.wiring import Wiring
from ports.settings import Settings
from server.auth import Gate
from server.jobs import Jobs
from server.lease import Lease
from server.log import Log
from server.metrics import Metrics
from server.recovery import Recovery
from server.reembeds import Reembeds
from server.runs import Runs
from server.sockets import Sockets
from server.stream import Streams
from server.tail import Tail
from store.engine import Database


@dataclass(slots=True)
class Parts:
    """Everything that answers requests."""

    settings: Settings
    database: Database
    wiring: Wiring
    log: Log
    tail: Tail
    runs: Runs
    lease: Lease
    recovery: Recovery
    streams: Streams
    sockets: Sockets
    jobs: Jobs
    reembeds: Reembeds
    gate: Gate
    metrics: Metrics

    @property
    def owner(self) -> str | None:
        """Return who answers the messages that this process takes; None for whichever worker is free."""
        return self.lease.owner if self.settings.answers == "here" else None


async def parts_of(request: Request) -> Parts:
    """Return the parts of the app that serves the request; a plain function FastAPI would call in a thread."""
    return cast(Parts, request.app.state.parts)


async def who_asks(request: Request) -> Identity:
    """Return who asks. Raises Unauthorized for no key, or one that does not hold."""
    return await (await parts_of(request)).gate.identify(request.headers)


def require_open(parts: Parts) -> None:
    """Raise StoreUnavailable while the server is on its way out."""
    if parts.runs.closing:
        raise StoreUnavailable(
            "This server is shutting down. Send the message again in a moment.", retry_after=2
        )


Here = Annotated[Parts, Depends(parts_of)]
Who = Annotated[Identity, Depends(who_asks)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
