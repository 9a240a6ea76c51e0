"""Takes up what nobody answers: runs of processes that died, runs that were handed over, and those that wait.

Who is dead is said by the leases (server/lease.py), who takes a run by its row: of two processes one gets it.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

from redis.exceptions import RedisError
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from contracts.errors import StoreUnavailable, SwitchboardError
from contracts.identity import Identity
from ports.checkpoints import Checkpoints
from server.lease import Lease
from server.live import live_again
from server.log import GIVE_UP, Log, RunLog, cancelled, log_key
from server.loose import tell_ends
from server.runs import Runs
from server.tail import ALL, Tail
from store import ends, interrupts, line, runs
from store.engine import Database

SWEEP_S: Final = 1.0
"""Seconds between two looks for runs that nobody answers."""

TIDY_S: Final = 15.0
"""Seconds between two looks for what a dead process left of runs that have ended."""

TELLING_S: Final = GIVE_UP + 10
"""Seconds after which nobody who lives still tells an end that is stored."""

TELL_S: Final = 0.5
"""Seconds for a word to all."""

STOP_S: Final = 8.0
"""Seconds to wait for a run that another process stops: its lease may have to end first."""

CANCEL, WAITS, HANDED = "cancel", "waits", "handed"
"""What one process tells another: stop that run; tells all: a run waits, runs were handed over."""

OUTAGES: Final = (RedisError, OSError, SQLAlchemyError, StoreUnavailable)
"""What only delays a look; whatever else a look raises is a defect."""

logger = logging.getLogger("switchboard.recovery")


class Recovery:
    """Looks for runs to take up, for as long as this process answers."""

    def __init__(
        self,
        runs: Runs,
        lease: Lease,
        log: Log,
        tail: Tail,
        database: Database,
        checkpoints: Checkpoints,
        log_ttl: float,
        *,
        takes: bool = True,
    ) -> None:
        """`takes`: this process answers; else it takes no run up and leaves those that wait to workers."""
        self._takes = takes
        self._runs, self._lease, self._log, self._database, self._ttl = runs, lease, log, database, log_ttl
        self._tail, self._checkpoints = tail, checkpoints
        self._taking = asyncio.Lock()
        self._stopping = set[asyncio.Task[None]]()
        self._handed = False
        """Another process has handed its runs over."""
        self._stray = set[str]()
        """Runs that are this process's by their rows but not by what it does; twice in a row, they are taken up."""

    async def run(self) -> None:
        """Sweep until cancelled, however many places become free meanwhile; an outage only delays it."""
        loop = asyncio.get_running_loop()
        due, tidy = loop.time() + SWEEP_S, loop.time() + TIDY_S
        while not cancelled():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._runs.freed.wait()
            try:
                if loop.time() >= due:
                    due = loop.time() + SWEEP_S
                    await self.sweep()
                    if loop.time() >= tidy:
                        tidy = loop.time() + TIDY_S
                        await self.tidy()
                else:
                    await self._fill()
            except OUTAGES as outage:
                logger.warning("waiting runs cannot be looked for: %s", type(outage).__name__)
                await asyncio.sleep(SWEEP_S)

    async def _fill(self) -> None:
        """Give the places that became free to those who wait, and take what was handed over."""
        await self.dispatch()
        if self._handed:
            self._handed = False
            await self._take_over({""})

    async def sweep(self) -> int:
        """Take over what dead processes left, then start what waits; return how many were left."""
        try:
            taken = await self._take_lost()
            await interrupts.expire(self._database)
            await self.dispatch()
            await self._prune()
        except OUTAGES as outage:
            logger.warning("lost runs cannot be looked for: %s", type(outage).__name__)
            return 0
        return taken

    async def _take_lost(self) -> int:
        """Take over what dead processes, and this one, left; return how many the dead left."""
        lost = await self._lease.lost(await line.owners(self._database))
        taken = await self._take_over(lost) if lost else 0
        await self._take_strays()
        return taken

    async def _take_over(self, lost: set[str], run_ids: Collection[str] | None = None) -> int:
        if self._runs.closing or not self._takes:  # what this process hands over is for others
            return 0
        left = await line.take_over(self._database, self._lease.owner, lost, run_ids)
        for pending in left:
            live = live_again(pending)
            self._runs.places.take(live)  # it had one before: nobody who waits comes first
            self._runs.take_up(live)
        if left:
            logger.info("took over %d runs of %s", len(left), ", ".join(sorted(lost)) or "nobody")
        return len(left)

    async def _take_strays(self) -> None:
        """Take up runs that ended here without their end being stored: the database was gone for too long."""
        mine = await line.owned(self._database, self._lease.owner)
        stray = {run_id for run_id in mine if self._runs.find(run_id) is None}
        if again := stray & self._stray:
            await self._take_over({self._lease.owner}, again)
        self._stray = stray - again

    async def _prune(self) -> None:
        """Delete the checkpoints of runs that have ended: SQL has what they came to."""
        over, self._runs.over = self._runs.over, set()
        if not over:
            return
        try:
            await self._checkpoints.forget(over)
        except StoreUnavailable:
            self._runs.over |= over
            raise

    async def tidy(self) -> int:
        """Tell the ends that a dead process stored and did not tell, and delete the checkpoints that nobody needs.

        Return of how many runs. The newest are left to the next time while another process may be about to do it.
        """
        kept = await self._checkpoints.threads()
        if not kept:
            return 0
        older_s = TELLING_S if await self._lease.others() > 0 else 0.0
        ended = await line.ended(self._database, kept, older_s)
        over = [run for run in ended if self._runs.find(run.run_id) is None]
        await tell_ends(self._log, self._database, over, self._ttl)
        done = {run.thread for run in over} - await line.unfinished(self._database, kept)
        done |= set(kept) - await line.known(self._database, kept)
        await self._checkpoints.forget(done)
        return len(done)

    async def dispatch(self) -> None:
        """Start waiting runs while there are places."""
        async with self._taking:
            self._runs.freed.clear()
            while self._takes and not self._runs.closing and not self._runs.places.full():
                with self._runs.places.held():  # a message that comes meanwhile finds it taken
                    try:
                        pending = await line.next_waiting(self._database, self._lease.owner)
                    except IntegrityError:  # another process has just begun one of the same conversation
                        return
                    if pending is None:
                        return
                    live = live_again(pending)
                    self._runs.places.take(live)
                    self._runs.take_up(live)

    async def lapsed(self) -> None:
        """Abandon the runs that others took over while this process could not renew its lease."""
        own = {live.run_id: live for live in self._runs.all()}
        try:
            for run_id in await line.taken(self._database, self._lease.owner, own):
                self._runs.abandon(own[run_id])
        except (OSError, SQLAlchemyError) as outage:
            logger.warning("runs that others took over are found at their end: %s", type(outage).__name__)

    async def rolled_back(self) -> None:
        """Break the logs that lack what was written: better one clear end than a hole that nobody sees."""
        with suppress(RedisError, OSError):  # then the next renewal comes late, and looks again
            await self._log.verify([live.log for live in self._runs.all()])

    async def stop(self, who: Identity, run_id: str) -> None:
        """End a run at a person's wish, whoever answers it, and wait until it has ended.

        What a run that is stopped elsewhere does not do within STOP_S, it does later: its row says that it shall.
        Raises Unknown.
        """
        async with self._taking:  # nobody here takes it out of the line between the look and the end
            live = self._runs.find(run_id)
            if live is None and await self._stop_waiting(who, run_id):
                return
        if live is not None:
            await self._runs.cancel(live)
            return
        run = await runs.ask_to_cancel(self._database, who, run_id)
        end = asyncio.get_running_loop().time() + STOP_S
        while run["finished_at"] is None and asyncio.get_running_loop().time() < end:
            if run["owner"]:
                await self._tail.tell(run["owner"], CANCEL, run_id)
            await asyncio.sleep(0.05)
            run = await runs.get(self._database, who, run_id)

    async def _stop_waiting(self, who: Identity, run_id: str) -> bool:
        """End a run that nobody has begun to answer; False for another."""
        run = await runs.get(self._database, who, run_id)
        if run["status"] not in ("waiting", "paused"):
            return False
        try:
            done = await ends.finish(
                self._database, who, run_id, "cancelled", "", {}, attempt=run["attempts"]
            )
        except ends.Taken:  # at this moment
            return False
        if done.first:
            log = RunLog(log_key(who.tenant, run_id))
            await self._log.resume(log)
            end = {"status": "cancelled", "text": "", "message_id": done.message_id}
            self._log.append(log, "done", end, expire=self._ttl)
            self._runs.changed(who)
        return True

    def interrupt(self, who: Identity, run_ids: Sequence[str]) -> None:
        """End the runs that a newer message of their conversation replaces; their rows say so already."""

        async def stop() -> None:
            for run_id in reversed(
                run_ids
            ):  # the one that runs last: those that wait behind it must not begin
                with suppress(RedisError, OSError, SQLAlchemyError, SwitchboardError):
                    await self.stop(who, run_id)

        task = asyncio.create_task(stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    def told(self, what: str, about: str) -> None:
        """Do what another process asks."""
        if what == WAITS:
            self._runs.freed.set()
        elif what == HANDED:
            self._handed = True
            self._runs.freed.set()
        elif what == CANCEL and (live := self._runs.find(about)) is not None and not live.cancelled:
            task = asyncio.create_task(self._runs.cancel(live))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def tell_all(self, what: str) -> None:
        """Tell every process; where the log does not answer they find out by themselves, a second later."""
        with suppress(RedisError, OSError):
            async with asyncio.timeout(TELL_S):
                await self._tail.tell(ALL, what, "")

    async def hand_over(self) -> int:
        """Leave this process's runs to others, who need not wait for its lease to end; return how many."""
        try:
            count = await line.hand_over(self._database, self._lease.owner)
            if count:
                await self.tell_all(HANDED)
            return count
        except (OSError, SQLAlchemyError) as outage:
            logger.warning("runs are left to the end of the lease: %s", type(outage).__name__)
            return 0
        finally:
            await self._lease.release()
