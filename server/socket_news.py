"""The news of one user, as one WebSocket is told them: each change of a run, each message that was stored."""

from collections.abc import AsyncGenerator
from typing import Any

from contracts.identity import Identity
from store import news
from store.engine import Database


class News:
    """What one socket has been told."""

    def __init__(self, database: Database, who: Identity, after: str) -> None:
        """`after`: the last message that the client has; empty for what is stored from now on.

        Raises BadCursor for what is no message's id.
        """
        self._database = database
        self._who = who
        self._from_now = not after
        self._floor = news.earlier(after) if after else news.settled()
        """All messages up to here are told; after it, those that are known."""
        self._known = {after} - {""}
        self._runs: dict[str, str] = {}
        """The runs under way and how they were told."""

    async def begin(self) -> None:
        """Learn which messages are old."""
        if self._from_now:
            self._known = await news.ids_after(self._database, self._who, self._floor)

    async def look(self) -> AsyncGenerator[dict[str, Any]]:
        """Yield all that is new, messages in the order of their ids. What the consumer did not take comes again."""
        after, settled = self._floor, news.settled()
        while True:
            found = await news.look(self._database, self._who, after, self._known)
            async for change in self._changes(found.runs):
                yield change
            for message in found.messages:
                after = message["id"]
                if message["role"] == "assistant" and (run_id := message["run_id"]):
                    yield _status(run_id, message["conversation_id"], message["status"])
                yield {"type": "message", "id": after, "run_id": message["run_id"], "data": message}
                self._known.add(after)
            if len(found.messages) < news.PAGE:
                break
        self._floor = max(self._floor, settled)
        self._known = {id for id in self._known if id > self._floor}

    async def _changes(self, runs: list[news.UnderWay]) -> AsyncGenerator[dict[str, Any]]:
        """Yield the runs under way that the client knows otherwise. An end is told with its message."""
        told, self._runs = self._runs, {run["run_id"]: run["status"] for run in runs}
        for run in runs:
            if told.get(run["run_id"]) != run["status"]:
                yield _status(run["run_id"], run["conversation_id"], run["status"])


def _status(run_id: str, conversation_id: str, status: str) -> dict[str, Any]:
    return {"type": "status", "run_id": run_id, "conversation_id": conversation_id, "status": status}
