"""The composition root of everything that answers: settings to ports to wiring to parts, closed in reverse."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from contracts.context import Context, Emitter
from contracts.state import RunState
from graph.wiring import Wiring, open_wiring
from ports.settings import Settings
from server.auth import Gate
from server.desk import RunDesk
from server.drive import Driver
from server.jobs import IndexerFor, Jobs
from server.lease import Lease
from server.live import Live
from server.log import Log
from server.metrics import Metrics
from server.parts import Parts
from server.patience import until_stored
from server.places import Places
from server.recovery import Recovery
from server.reembeds import Reembeds
from server.runs import Runs
from server.sockets import Sockets
from server.stream import Streams
from server.tail import Tail


@asynccontextmanager
async def open_parts(
    settings: Settings, indexer_for: IndexerFor, *, takes: bool = True
) -> AsyncGenerator[Parts]:
    """Open all that answers, take up what an earlier process left, and close it at the end.

    `takes`: this process answers; else it only accepts, for workers. Raises SetupError where something on this machine
    stands in the way.
    """
    async with open_wiring(settings) as wiring:
        parts = make_parts(wiring, indexer_for, takes=takes)
        await parts.gate.require_auth()
        loops: list[asyncio.Task[Any]] = [
            asyncio.create_task(parts.log.run()),
            asyncio.create_task(parts.tail.run()),
            asyncio.create_task(parts.sockets.run()),
            asyncio.create_task(parts.lease.run(parts.recovery.lapsed, parts.recovery.rolled_back)),
            asyncio.create_task(
                wiring.intents.classify("hello")
            ),  # reads its examples now, not at the first question
        ]
        try:
            await parts.recovery.tidy()
            await parts.recovery.sweep()
            loops.append(asyncio.create_task(parts.recovery.run()))
            await parts.jobs.recover()
            loops.append(asyncio.create_task(parts.jobs.run()))
            yield parts
        finally:
            await parts.runs.close()
            await parts.log.flush_now()
            await parts.recovery.hand_over()
            await parts.jobs.close()
            await parts.reembeds.close()
            for loop in loops:
                loop.cancel()
            await asyncio.wait(loops)


def make_parts(wiring: Wiring, indexer_for: IndexerFor, *, takes: bool = True) -> Parts:
    """Return the parts over an open wiring."""
    settings, database, redis = wiring.ports.settings, wiring.database, wiring.ports.redis
    log, ttl = Log(redis), settings.log_ttl.total_seconds()
    lease = Lease(redis, alone=settings.redis_url is None)
    tail = Tail(redis, lease.owner, lambda what, about: recovery.told(what, about))
    log.taken = tail.hand

    async def context_for(live: Live, emit: Emitter, driver: Driver) -> Context:
        return await until_stored(lambda: read_context(live, emit, driver))

    async def read_context(live: Live, emit: Emitter, driver: Driver) -> Context:
        async def record(state: RunState) -> None:
            await driver.record(live, state)

        desk = RunDesk(database, live, await wiring.agent(live.who, live.agent), places)
        return await wiring.context(
            live.who,
            live.agent,
            live.run_id,
            live.started,
            emit,
            desk,
            record,
            queued=live.queued,
            sources=live.sources,
            said=live.said,
            restart=lambda reason: driver.restart(live, reason),
            tell=lambda node, update: driver.take_in(live, node, update),
            thread=live.thread,
        )

    metrics, places = Metrics(), Places(settings.max_running)
    driver = Driver(wiring.graph, log, database, places, context_for)
    runs = Runs(driver, log, database, places, ttl, metrics)
    sockets = Sockets(redis)
    runs.changed = sockets.ring
    recovery = Recovery(runs, lease, log, tail, database, wiring.ports.checkpoints, ttl, takes=takes)
    return Parts(
        settings=settings,
        database=database,
        wiring=wiring,
        log=log,
        tail=tail,
        runs=runs,
        lease=lease,
        recovery=recovery,
        streams=Streams(redis, tail, runs, database),
        sockets=sockets,
        jobs=Jobs(
            wiring.ports.folder.path,
            database,
            log,
            lease,
            indexer_for(wiring),
            ttl,
            settle=wiring.library.settle,
        ),
        reembeds=Reembeds(wiring),
        gate=Gate(settings, database, wiring.ports.folder.token),
        metrics=metrics,
    )
