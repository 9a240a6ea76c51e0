"""Changes of the embedding model that this server makes, one at a time, while it answers."""

import asyncio
import logging
from typing import Any

from contracts.errors import BadRequest, Internal
from graph.failures import known
from graph.reembed import Reembedding, Wish
from graph.wiring import Wiring

logger = logging.getLogger("switchboard.reembed")


class Reembeds:
    """The change under way, or the last one."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._task: asyncio.Task[None] | None = None
        self._wish = Wish()
        self.change: dict[str, Any] = {"state": "none"}
        """`state` (`none running done failed`), then stage, done and total, at the end `report` or `error`."""

    def start(self, wish: Wish) -> None:
        """Begin the change; whoever asks for the same again follows the one under way. Raises BadRequest."""
        if self._task is not None and not self._task.done():
            if wish != self._wish:
                raise BadRequest(
                    f"A change to {self._wish.model or 'the configured model'} is under way. Wait for its end."
                )
            return
        if self._wiring.indexes.renew is None:
            raise BadRequest("This process was started without the ingest, and cannot make vectors anew.")
        self._wish = wish
        self.change = {"state": "running", "stage": "opening", "done": 0, "total": 0}
        work = Reembedding(self._wiring.ports, self._wiring.cache, self._wiring.indexes.renew)
        self._task = asyncio.create_task(self._run(work, wish), name="reembed")

    async def _run(self, work: Reembedding, wish: Wish) -> None:
        def tell(stage: str, done: int, total: int) -> None:
            self.change.update(stage=stage, done=done, total=total)

        try:
            found = await work.run(wish, tell, self._wiring.indexes.look)
        # Nobody awaits this task, and it meets whatever an embedder, an index and Redis may raise.
        except Exception as failure:
            error = known(failure)
            if isinstance(error, Internal):
                logger.error("the change of model failed", exc_info=failure)
            self.change = {"state": "failed", "error": error.message}
        else:
            self.change = {"state": "done", "report": found.body()}

    async def close(self) -> None:
        """Stop; what was made stays, and the next change goes on with it."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
