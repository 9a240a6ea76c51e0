"""`switchboard scan TEXT`: every place that still holds a text, as proof that a deletion reached all of them."""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.errors import SwitchboardError

if TYPE_CHECKING:
    from graph.scan import Place


@dataclass(frozen=True, slots=True)
class Wish:
    """What to look for, and whether to tidy up first."""

    text: str
    compact: bool


def main(arguments: list[str]) -> int:
    """Print where the text is; returns 0 where it is nowhere, 1 where it is somewhere, 2 on bad usage."""
    made = argparse.ArgumentParser(prog="switchboard scan", description=__doc__)
    made.add_argument("text", metavar="TEXT", help="a text that only the deleted document holds")
    made.add_argument(
        "--compact", action="store_true",
        help="first overwrite what was deleted but lies in files still: SQLite's free pages, Valkey's log, the index",
    )  # fmt: skip
    made.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options = made.parse_args(arguments)
    if len(options.text) < 4:
        print("The text is too short to tell anything: give at least 4 characters.", file=sys.stderr)
        return 2
    try:
        found = asyncio.run(look(Wish(options.text, options.compact)))
    except SwitchboardError as failure:
        print(failure.message, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"found": [one._asdict() for one in found]}, ensure_ascii=False))
    else:
        for one in found:
            print(f"{one.store:6} {one.name} ({one.times})")
        print(f"{len(found)} places hold the text." if found else "No store holds the text.")
    return 1 if found else 0


async def look(wish: Wish) -> "list[Place]":
    """Open every store and look. Raises FolderInUse beside a running server, which has them open."""
    from graph.scan import compact, scan
    from graph.wiring import open_wiring
    from ports.settings import Settings

    async with open_wiring(Settings()) as wiring:
        if wish.compact:
            await compact(wiring)
        return await scan(wiring, wish.text)
