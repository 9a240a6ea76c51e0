"""Where a run goes on that ended without its answer: in the line, or behind what a person is asked."""

from collections.abc import Callable

from contracts.events import Event
from contracts.identity import Identity
from store import interrupts, line
from store.engine import Database


async def onward(
    database: Database, who: Identity, run_id: str, status: str, wait: Callable[[int], float]
) -> Event | None:
    """Return the event that names the run that goes on, as it comes before such an end; None for any other end.

    `wait` tells the seconds that are expected at a place in the line.
    """
    if status == "interrupted" and (asked := await interrupts.asked_by(database, who, run_id)):
        return "interrupt", asked
    if status == "queued" and (next_run := await line.following(database, who, run_id)):
        position = await line.position(database, who, next_run)
        return "queue", {"position": position, "expected_wait_s": wait(position), "run_id": next_run}
    return None
