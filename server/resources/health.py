"""Whether the server is alive, how each dependency is, and figures for Prometheus."""

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from server.auth import require_owner
from server.checks import Check, checks_of, run_check
from server.parts import Here, Parts, Who
from store import usage

plain = APIRouter(tags=["health"])
router = APIRouter(tags=["health"])


@plain.get("/health")
async def alive() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@plain.get("/metrics")
async def metrics(here: Here, _: Who) -> Response:
    """Return counters and gauges of the whole server in Prometheus' text format."""
    here.metrics.live.set(len(here.runs))
    here.metrics.clients.set(len(here.tail))
    here.metrics.tasks.set(len(asyncio.all_tasks()))
    return Response(generate_latest(here.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/health")
async def health(here: Here, _: Who, response: Response) -> Any:
    """Return each dependency's state: `healthy`, `degraded` while answers still come, `error` when they cannot."""
    found = await asyncio.gather(*(_timed(name, check) for name, check in checks_of(here.wiring).items()))
    states = {one["state"] for one in found}
    state = "error" if "error" in states else "degraded" if "degraded" in states else "healthy"
    if state == "error":
        response.status_code = 503
    return {"status": state, "dependencies": {one.pop("name"): one for one in found}}


@router.get("/cache/stats")
async def cache(here: Here, who: Who) -> Any:
    """Return how often answers came from a cache."""
    sums = await usage.stats(here.database, who, "model")
    hits = sum(one["cache_hits"] for one in sums)
    answers = sum(one["requests"] for one in sums)
    return {
        "answers": answers,
        "hits": hits,
        "rate": hits / answers if answers else 0.0,
        "ttl_s": ttl_of(here),
    }


@router.post("/cache/optimize")
async def optimize(here: Here, who: Who) -> Any:
    """Rebuild the index's search structures now; searches go on meanwhile."""
    require_owner(who)
    started = time.perf_counter()
    await here.wiring.optimize()
    return {"seconds": round(time.perf_counter() - started, 3)}


def ttl_of(here: Parts) -> float:
    """Return the seconds for which an answer is remembered."""
    return here.settings.cache_ttl.total_seconds()


async def _timed(name: str, check: Check) -> dict[str, Any]:
    started = time.perf_counter()
    state, detail = await run_check(check)
    return {
        "name": name,
        "state": state,
        "detail": detail,
        "ms": round((time.perf_counter() - started) * 1000, 1),
    }
