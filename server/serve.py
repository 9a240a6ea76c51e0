"""`switchboard serve`: HTTP until a signal, then an orderly end within five seconds."""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn

from contracts.errors import SetupError
from ports.settings import Settings
from server.app import create_app
from server.jobs import IndexerFor
from server.open import open_parts
from server.sample import load_sample
from server.socket_line import SocketLine

GRACE_S: Final = 2
"""Seconds that answers under way get at the end; then their streams end, and the next start goes on with them."""


SOCKET_MESSAGE: Final = 4_000_000
"""Bytes of a WebSocket's message that are read at all; server/socket_session.py refuses a quarter of it already."""

GIL_S: Final = 0.0005
"""For how long a thread that computes in Python may keep the loop from its turn. Beside one such thread a wake-up
waits 5.3 ms at the median with Python's own 5 ms, 0.7 ms with this; one reads passages while other answers stream."""

Stop = Callable[[], None]
Ready = Callable[[str, Stop], None]
"""Told the URL once requests are answered, and how to end the server."""


def run_until_done(work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run what serves or answers until it ends, and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(work())
    except SetupError as error:
        print(error.message, file=sys.stderr)
        return 1
    except asyncio.CancelledError:  # a signal before requests were answered: all that was open is closed
        pass
    gc.freeze()  # else the interpreter's last collections visit every object: 0.9 s to 1.7 s after the end
    return 0


async def until_signal(settings: Settings, indexer_for: IndexerFor, sample: Path | None) -> None:
    """Serve until SIGTERM or SIGINT, whenever in the server's life it comes."""
    loop, stops = asyncio.get_running_loop(), list[Stop]()

    def ready(url: str, stop: Stop) -> None:
        stops.append(stop)
        print(f"Switchboard answers on {url}", flush=True)
        settle()

    task = asyncio.create_task(serve(settings, indexer_for, ready, sample))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: stops[0]() if stops else task.cancel())
    await task


def prepare() -> None:
    """Set the interpreter up for answering, when all is open."""
    sys.setswitchinterval(GIL_S)
    settle()


def settle() -> None:
    """Take what is there now for good: full collections would visit it again and again, 0.3 s to 1.2 s each."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


class Server(uvicorn.Server):
    """Uvicorn's server that says when it answers and when it ends."""

    def __init__(
        self, config: uvicorn.Config, started: Callable[[int], None], ending: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._tell = started
        self._ending = ending

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone: uvicorn sends them again when it has ended, and the parts are still open then."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the port."""
        await super().startup(sockets)
        if self.started:
            self._tell(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell that the end has begun, then wait for the open requests."""
        self._ending()
        await super().shutdown(sockets)

    def stop(self) -> None:
        """End as a signal would."""
        self.should_exit = True


def require_port(settings: Settings) -> None:
    """Raise SetupError where another program has the port, before anything is opened for nothing."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SetupError(
                f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}). "
                "Stop the program that has it, or choose another with --port or SWITCHBOARD_PORT."
            ) from error


def require_answers(settings: Settings) -> None:
    """Raise SetupError where the messages would go to workers that cannot be there."""
    if settings.answers == "workers" and not (settings.redis_url and settings.database_url):
        raise SetupError(
            "SWITCHBOARD_ANSWERS is 'workers', but workers share Redis and PostgreSQL with the server: set "
            "SWITCHBOARD_REDIS_URL and SWITCHBOARD_DATABASE_URL, or unset SWITCHBOARD_ANSWERS."
        )


async def serve(
    settings: Settings, indexer_for: IndexerFor, ready: Ready, sample: Path | None = None
) -> None:
    """Serve until the `stop` that `ready` is given once requests are answered."""
    require_port(settings)
    require_answers(settings)
    sys.setswitchinterval(GIL_S)
    async with open_parts(settings, indexer_for, takes=settings.answers == "here") as parts:
        if sample is not None:
            await load_sample(parts, indexer_for(parts.wiring), sample)
        config = uvicorn.Config(
            create_app(parts),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE_S + 1,
            server_header=False,
            lifespan="off",
            ws=SocketLine,
            ws_per_message_deflate=False,  # it costs half as much again a token
            ws_max_size=SOCKET_MESSAGE,
            ws_ping_interval=20.0,
            ws_ping_timeout=20.0,
        )

        def started(port: int) -> None:
            url = f"http://{'[::1]' if settings.host == '::1' else settings.host}:{port}"
            parts.wiring.ports.folder.announce(url)
            ready(url, server.stop)

        def ending() -> None:
            parts.runs.closing = True
            asyncio.get_running_loop().call_later(GRACE_S, parts.tail.close)

        server = Server(config, started, ending)
        await server.serve()
