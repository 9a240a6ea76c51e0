"""`switchboard worker`: answers what servers accept, without HTTP. It shares Redis, Qdrant and PostgreSQL with them."""

import asyncio
import signal
import sys
from contextlib import suppress
from typing import Final

from contracts.errors import SetupError
from ports.settings import Settings
from server.jobs import IndexerFor
from server.open import open_parts
from server.serve import prepare

GRACE_S: Final = 2.0
"""Seconds that answers under way get at the end; then other processes go on with them."""


def require_shared(settings: Settings) -> None:
    """Raise SetupError where no other process can share what this one works on."""
    lacking = [
        name
        for name, url in (
            ("SWITCHBOARD_REDIS_URL", settings.redis_url),
            ("SWITCHBOARD_DATABASE_URL", settings.database_url),
        )
        if url is None
    ]
    if lacking:
        raise SetupError(
            f"{' and '.join(lacking)} must be set: a worker and the servers whose messages it answers share Redis "
            "and PostgreSQL. Embedded, `switchboard serve` answers by itself."
        )


async def work(settings: Settings, indexer_for: IndexerFor) -> None:
    """Answer until SIGTERM or SIGINT. Raises SetupError."""
    require_shared(settings)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with open_parts(settings, indexer_for) as parts:
        prepare()
        print(f"Switchboard worker {parts.lease.owner} answers", flush=True)
        await ended.wait()
        parts.runs.closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while len(parts.runs):
                    parts.runs.freed.clear()
                    await parts.runs.freed.wait()
    print("Switchboard worker has ended", file=sys.stderr, flush=True)
