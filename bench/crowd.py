"""A stub model for a crowd: no answer begins before all have asked, then each at a phase and a length of its own.

    python -m bench.crowd CLIENTS PACE FEWEST MOST

Its barrier has one place more than the crowd: the benchmark's own request takes it and so gives the start.
"""

import asyncio
import random
import sys
from dataclasses import dataclass, field
from typing import Any, Final

from bench.lines import Body
from bench.stub import Stub, serve

SEED: Final = 7


@dataclass(slots=True)
class Start:
    """What an answer waits for, and how long it is."""

    barrier: asyncio.Barrier
    pace: float
    fewest: int
    most: int
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))

    async def wait(self) -> int:
        """Wait for all, then for a phase of one's own; return how many tokens to say."""
        await self.barrier.wait()
        await asyncio.sleep(self.dice.random() / self.pace)
        return self.dice.randint(self.fewest, self.most)


@dataclass(slots=True)
class Crowd(Stub):
    """The stub whose answers wait for each other."""

    start: Start | None = None

    async def talk(
        self, path: str, body: Body, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Write the answer's lines once all have asked."""
        assert self.start is not None
        options: Any = {**body.get("options", {}), "num_predict": await self.start.wait()}
        return await Stub.talk(self, path, {**body, "options": options}, fault, reader, writer)


def start_of(arguments: list[str]) -> Start:
    """Return the start that the command line names."""
    clients, pace, fewest, most = arguments
    return Start(asyncio.Barrier(int(clients) + 1), float(pace), int(fewest), int(most))


async def main() -> None:
    """Serve until the process ends."""
    start = start_of(sys.argv[1:])
    await serve(Crowd(pace=start.pace, tokens=start.most, start=start), 0)


if __name__ == "__main__":
    asyncio.run(main())
