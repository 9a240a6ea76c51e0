"""What a run does outside happens once, however often its nodes are run again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

from contracts.identity import Identity
from contracts.patience import STORE_S, patiently
from graph.failures import is_passing
from store import effects
from store.engine import Database

_doing: WeakValueDictionary[tuple[int, str, str, str, int], asyncio.Lock] = WeakValueDictionary()
"""One lock for each effect under way in this process; its lease keeps a run from two processes."""


class RunJournal:
    """The journal of one thread of the graph, which the runs share that go on from each other's pauses.

    A process that dies between an effect and its record leaves open whether it happened: it is asked for again with
    the same key. The receiver must drop the second of the same key; more than that nobody can promise.
    """

    def __init__(self, database: Database, who: Identity, thread: str) -> None:
        self._database, self._who, self._thread = database, who, thread

    async def once(self, step: str, number: int, kind: str, make: Callable[[str], Awaitable[Any]]) -> Any:
        """Return the recorded result, or what `make(key)` returns, once that is recorded.

        `make` returns JSON values; what it raises is not recorded. Raises Unknown for a thread without a run.
        """
        database, who, thread = self._database, self._who, self._thread
        name = (id(database), who.tenant, thread, step, number)
        lock = _doing.setdefault(name, asyncio.Lock())
        async with lock:
            effect = await patiently(
                lambda: effects.begin(database, who, thread, step, number, kind), is_passing, STORE_S
            )
            if not effect.done:
                result = await make(f"{thread}:{step}:{number}")
                effect = await patiently(
                    lambda: effects.finish(database, who, thread, step, number, result), is_passing, STORE_S
                )
            return effect.result
