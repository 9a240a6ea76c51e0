"""What the health page and `doctor` ask of each dependency, with a time limit on every question."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from sqlalchemy import text

from contracts.errors import Internal, ModelUnavailable
from graph.failures import known
from graph.wiring import Wiring

State = Literal["healthy", "degraded", "error"]
Check = Callable[[], Awaitable[tuple[State, str]]]

PATIENCE_S = 5.0

logger = logging.getLogger("switchboard.checks")


async def run_check(check: Check) -> tuple[State, str]:
    """Return the check's verdict; one that fails or does not answer is an error with a sentence."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await check()
    except TimeoutError:
        return "error", f"No answer within {PATIENCE_S:.0f} s."
    # It must be broad: the embedded engines raise classes of their own or none, and a health page that breaks
    # with what it looks at tells nobody what broke.
    except Exception as failure:
        error = known(failure)
        if isinstance(error, Internal):
            logger.error("a check failed", exc_info=failure)
        return "error", error.message


def checks_of(wiring: Wiring) -> dict[str, Check]:
    """Return one check a dependency."""
    ports, settings = wiring.ports, wiring.ports.settings

    async def log() -> tuple[State, str]:
        await ports.redis.ping()
        return "healthy", "Redis at a URL" if settings.redis_url else "embedded Valkey"

    async def database() -> tuple[State, str]:
        await wiring.database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
        return "healthy", "PostgreSQL at a URL" if settings.database_url else "embedded SQLite"

    async def index() -> tuple[State, str]:
        now, advice = wiring.indexes.now, wiring.indexes.advice
        count = (await ports.vectors.count(now.collection.name)).count
        where = f"Qdrant at {settings.qdrant_url}" if settings.qdrant_url else "embedded Qdrant Edge"
        found = f"{where}, {count:,} passages, embedded by {now.embedding}"
        return ("degraded", f"{found}. {advice}") if advice else ("healthy", found)

    async def embedder() -> tuple[State, str]:
        now = wiring.indexes.now
        vector = await now.embeddings.aembed_query("ready?")
        return "healthy", f"{now.embedding}, {len(vector)} dimensions"

    async def models() -> tuple[State, str]:
        if not ports.hosts:
            return "healthy", "answers with the documents' own sentences; no model host is set"
        found = await asyncio.gather(*(host.health() for host in ports.hosts), return_exceptions=True)
        down = [one for one in found if isinstance(one, BaseException)]
        detail = "; ".join(one if isinstance(one, str) else known(one).message for one in found)
        if len(down) == len(found):
            raise ModelUnavailable(detail)
        return ("degraded" if down else "healthy"), detail

    return {"log": log, "database": database, "index": index, "embedder": embedder, "models": models}
