"""A crowd whose every token is the moment at which it is said, in milliseconds, for `bench runtime --soak`.

python -m bench.stamps CLIENTS PACE FEWEST MOST
"""

import asyncio
import sys
import time
from dataclasses import dataclass

import uvloop

from bench.crowd import Crowd, start_of
from bench.lines import chunk
from bench.stub import serve


@dataclass(slots=True)
class Stamps(Crowd):
    """The stub that says what time it is."""

    async def pour(
        self, lines: list[bytes], fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Write as many moments as there are lines, and the last line as it is; it never waits for the server."""
        clock, count = asyncio.get_running_loop().time, len(lines) - 1
        began = clock()
        for n in range(count):
            await asyncio.sleep(began + n / self.pace - clock())
            if reader.at_eof():
                raise ConnectionResetError
            writer.write(chunk(line(time.time() * 1000)))
        writer.write(chunk(lines[-1]))


def line(moment: float) -> bytes:
    """Return the model's line that says the moment."""
    return b'{"model":"stub:latest","message":{"role":"assistant","content":" %.1f"},"done":false}\n' % moment


async def main() -> None:
    """Serve until the process ends."""
    start = start_of(sys.argv[1:])
    await serve(Stamps(pace=start.pace, tokens=start.most, start=start), 0)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
