"""Where one run hands over to people or to later: contracts.context.Desk over the store."""

from contracts.agents import AgentConfig
from contracts.state import Queued
from server.live import Live
from server.patience import until_stored
from server.places import Places
from store import escalations, line
from store.engine import Database


class RunDesk:
    """The desk of one run."""

    def __init__(self, database: Database, live: Live, agent: AgentConfig, places: Places) -> None:
        self._database = database
        self._live = live
        self._agent = agent
        self._places = places

    async def offer(self, question: str, reason: str) -> None:
        """Note that a person was offered."""
        case = self._case(question, reason)
        await until_stored(lambda: escalations.offer(self._database, self._live.who, **case))

    async def ticket(self, question: str, reason: str) -> str:
        """Open a ticket in the inbox and return its id; raises RateLimited over the agent's limit."""
        case = self._case(question, reason)
        limit = self._agent.escalation
        return await until_stored(
            lambda: escalations.ticket(self._database, self._live.who, limit=limit, **case)
        )

    def _case(self, question: str, reason: str) -> escalations.Case:
        live = self._live
        return {
            "conversation_id": live.conversation_id,
            "run_id": live.run_id,
            "agent": live.agent,
            "question": question,
            "reason": reason,
        }

    async def line_up(self) -> Queued:
        """Take a place in the line and return it, with the run that will answer."""
        live = self._live
        run_id, place = await until_stored(lambda: line.line_up(self._database, live.who, live.run_id))
        return {"position": place, "expected_wait_s": self._places.expected_wait(place), "run_id": run_id}

    def full(self) -> bool:
        """Tell whether no further answer can start now; where one can, the place is taken for this run at once."""
        if not self._live.answering and self._places.full():
            return True
        self._places.take(self._live)
        return False
