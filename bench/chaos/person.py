"""Somebody who answers what runs stop for, through any server, and follows the run that goes on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

from bench.chaos.client import AGAIN_S, Client
from bench.chaos.plan import ASK, EDIT
from bench.chaos.wire import BROKEN, call

TRIES: Final = 200


class Second(Client):
    """The client of a run that goes on for one that stopped."""

    def __init__(self, before: Client) -> None:
        asked = before.told.asked
        assert asked is not None
        self.before = before
        ask = replace(before.ask, cuts=before.ask.cuts[::-1], policy="")
        super().__init__(before.rig, ask, f"{before.name}'", before.heard)
        self.case, self.conversation, self.content = before.case, before.conversation, before.content
        self.told.run = asked["run_id"]
        self.known.set()
        self._asked = asked

    @property
    def thread(self) -> str:
        """Return the run under which its effects are journalled: the first."""
        return self.before.thread

    async def live(self, conversation: str) -> None:
        """Answer, then follow the run to its end."""
        await asyncio.sleep(self.ask.after)
        await self._answer()
        while not (self.lost or self.told.ends):
            if (reply := await self._attach()) is not None:
                await self._read(reply)

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"action": self.ask.reply}
        if self.ask.reply == EDIT and self.ask.kind == ASK:
            body["arguments"] = {**self._asked["payload"]["arguments"], "edited": True}
        elif self.ask.reply == EDIT:
            body["text"] = self.edited()
        return body

    async def _answer(self) -> None:
        """Say what the plan has, until a server has taken it."""
        unsure = False
        for _ in range(TRIES):
            try:
                place = f"/messaging/runs/{self.told.run}/resume"
                status, said = await call(self._port(), "POST", place, self._body(), patience=10)
            except BROKEN:
                status, said = 503, None
            if status < 500:
                if status != 200 and not (status == 409 and unsure):
                    self.wrong.append(f"its answer was not taken, with {status}: {said}")
                    self.lost = True
                return
            unsure = True  # it may have been taken, and the reply was lost
            await asyncio.sleep(AGAIN_S)
        self.wrong.append(f"its answer was not taken in {TRIES} tries")
        self.lost = True


async def seconds(client: Client, clients: list[Client]) -> AsyncIterator[Client]:
    """Yield the client of each run that goes on, for as long as runs stop for a person; `clients` gets them."""
    while client.told.asked is not None and client.told.ends:
        client.followed = True
        client = Second(client)
        clients.append(client)
        yield client
