"""The stub model server whose next answers' length is told it by a request, so that both lengths meet one server.

python -m bench.length PACE [TTFT]
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Final

import httpx

from bench.lines import Body, whole
from bench.stub import Stub, serve

TEACHER: Final = "stub:length-of-all"
"""The model's name in the request that sets the length."""


@dataclass(slots=True)
class Teachable(Stub):
    """The stub that can be told how long its answers are from now on."""

    async def talk(
        self, path: str, body: Body, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer, or take the new length."""
        if body.get("model") == TEACHER:
            self.tokens = int(body["options"]["num_predict"])
            writer.write(whole({"done": True}))
            return True
        own = {
            key: value for key, value in body.items() if key != "options"
        }  # a client's own limit is not asked
        return await Stub.talk(self, path, own, fault, reader, writer)


async def teach(url: str, tokens: int) -> None:
    """Set the length of all answers that begin from now on."""
    async with httpx.AsyncClient() as http:
        body = {"model": TEACHER, "messages": [], "options": {"num_predict": tokens}}
        (await http.post(f"{url}/api/chat", json=body)).raise_for_status()


async def main() -> None:
    """Serve until the process ends."""
    pace, ttft = float(sys.argv[1]), float((sys.argv[2:] or ["0"])[0])
    await serve(Teachable(pace=pace, ttft=ttft), 0)


if __name__ == "__main__":
    asyncio.run(main())
