"""A client that is told all anew and cut again, anywhere: what it shows in the end is the answer, once."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bench.chaos.client import Told
from contracts.identity import LOCAL
from ports.valkey import open_redis
from server.anew import is_anchor
from server.entries import EPOCH, RunLog
from server.live import Live, live_of
from server.log import Log
from server.runs import Runs
from server.stream import Streams
from server.tail import Tail, to_id
from server.wire import HEARTBEAT
from store import conversations, ends, runs
from store.engine import Database, engine_for
from store.migrate import upgrade
from tests.servers.logs import going

QUIET = 0.03
"""Seconds after which a stream has nothing more to say for now."""


class Owner(Runs):
    """The runs of a process that answers what it is given."""

    def own(self, *live: Live) -> None:
        """Answer these, and no others."""
        self._live = {one.run_id: one for one in live}


@dataclass
class World:
    """A run, the process that answers it, one that does not, and a client of both."""

    redis: Redis
    database: Database
    log: Log
    live: Live
    owner: Owner
    here: Streams
    elsewhere: Streams
    told: Told = field(default_factory=Told)
    text: str = ""
    """The answer so far."""

    @property
    def run_id(self) -> str:
        return self.live.run_id

    async def say(self, text: str) -> None:
        self.text += text
        self.log.append_text(self.live.log, text)
        await self.log.flush()

    async def restart(self) -> None:
        self.text = ""
        self.log.append(self.live.log, "restart", {"reason": "A test wants it so."})
        await self.log.flush()

    async def trim(self) -> None:
        """Let the log lose all but its newest entry, as an eviction would."""
        await self.redis.xtrim(self.live.log.key, maxlen=1, approximate=False)

    async def store(self) -> None:
        """End the run in the database, and in its owner's mind."""
        await ends.finish(self.database, LOCAL, self.run_id, "completed", self.text, {})
        self.owner.own()

    async def end(self) -> None:
        """End the run in its log."""
        self.log.append(self.live.log, "done", {"status": "completed", "text": self.text})
        await self.log.flush()

    async def pass_on(self) -> None:
        """Give the run to a process that this client does not reach."""
        old = self.live.log
        self.live.log = RunLog(old.key, epoch=old.epoch + 1, begun=True)
        self.live.log.last = (old.last[0] + EPOCH, 0)
        self.owner.own()

    async def read(self, streams: Streams, count: int) -> None:
        """Attach behind the last id and read so many frames, or until nothing comes; then the line is cut."""
        if self.told.ends:
            return
        frames = await streams.open(LOCAL, self.run_id, self.told.last)
        assert frames is not None
        got: list[bytes] = []
        async with aclosing(frames):
            async for some in frames:
                if some == HEARTBEAT:
                    break
                got += some.split(b"\n\n")[:-1]
                if len(got) >= count:
                    break
        for frame in got[:count]:
            self.told.take(frame)


@asynccontextmanager
async def opened(socket: str, folder: Path) -> AsyncGenerator[World]:
    database = engine_for(f"sqlite:///{folder}/runs.sqlite")
    async with open_redis(f"unix://{socket}", folder) as redis:
        place = await conversations.create(database, LOCAL, "")
        accepted = await runs.accept(database, LOCAL, place["id"], "default", "Count.", owner="w_here")
        live, log = live_of(LOCAL, accepted, "default", "Count.", []), Log(redis)
        tails = [Tail(redis, name) for name in ("here", "elsewhere")]
        nothing: Any = None
        owner, other = (Owner(nothing, log, database, nothing, 60, nothing) for _ in range(2))
        owner.own(live)
        here, elsewhere = (
            Streams(redis, tail, one, database, idle=QUIET)
            for tail, one in zip(tails, (owner, other), strict=True)
        )
        async with going(log, *tails):
            log.append(live.log, "run", live.opening())
            await log.flush()
            yield World(redis, database, log, live, owner, here, elsewhere)
    await database.dispose()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A Valkey's socket and a folder with a database, for tests that bring their own loop."""
    folder = tmp_path_factory.mktemp("anew")
    started, stop = asyncio.Event(), asyncio.Event()

    async def serve() -> None:
        database = engine_for(f"sqlite:///{folder}/runs.sqlite")
        await upgrade(database)
        await database.dispose()
        async with open_redis(None, folder):
            started.set()
            await stop.wait()

    with asyncio.Runner() as runner:
        serving = runner.get_loop().create_task(serve())
        runner.run(started.wait())
        yield f"{folder}/valkey.sock", folder
        stop.set()
        with suppress(asyncio.CancelledError):
            runner.get_loop().run_until_complete(serving)


READS = st.tuples(st.just("read"), st.tuples(st.booleans(), st.integers(1, 6)))
STEPS = st.one_of(
    READS,
    st.tuples(st.just("say"), st.text("ab ", min_size=1, max_size=3)),
    st.sampled_from([("restart", ""), ("trim", ""), ("pass_on", "")]),
)
"""What may happen; a client that reads is cut after so many frames, at the owner or at another process."""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14), after=st.lists(READS, max_size=3), late=st.booleans())
def test_wherever_a_client_is_cut_it_ends_with_the_text_that_done_has(
    place: tuple[str, Path], steps: list[Any], after: list[Any], late: bool
):
    """`late`: the log gets the run's end only after some of the clients' reading; otherwise never."""

    async def case() -> None:
        async with opened(*place) as world:
            for step in steps:
                await happen(world, *step)
            await world.store()
            for step in after:
                await happen(world, *step)
            if late:
                await world.end()
            for _ in range(3):
                await world.read(world.elsewhere, 1_000)
            [(name, data)] = world.told.ends
            assert (name, world.told.text) == ("done", data["text"])
            assert world.told.text == world.text
            assert world.told.rising()

    asyncio.run(case())


async def happen(world: World, what: str, how: Any) -> None:
    match what:
        case "say":
            await world.say(how)
        case "read":
            owner, count = how
            await world.read(world.here if owner else world.elsewhere, count)
        case _:
            await getattr(world, what)()


@given(made=st.lists(st.booleans(), min_size=2, max_size=20))
def test_entries_and_anchors_rise_in_the_order_in_which_they_are_made(made: list[bool]):
    log = RunLog("sb:test:run:1:log")
    ids = [log.anchor() if anchor else log.next_id() for anchor in made]
    assert ids == sorted(set(ids))
    assert [is_anchor(id) for id in ids] == made
    assert all(to_id(f"{head}-{tail}") == (head, tail) for head, tail in ids)
