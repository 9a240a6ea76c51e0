"""`switchboard reembed`: change the embedding model of the index while it goes on answering.

A new collection is made beside the old one from the stored text, and takes its place when nothing differs any more.
Until then everything is answered with the old model. Stopped or killed, run it again: it goes on where it was.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from contracts.errors import BadRequest, FolderInUse, SwitchboardError
from contracts.identity import LOCAL

if TYPE_CHECKING:
    from graph.reembed import Tell
    from ports.settings import Settings


def main(argv: Sequence[str]) -> int:
    """Run the command. Returns 0 where the index has the model, 1 where the change failed, 2 on bad usage."""
    options = parser().parse_args(argv)
    from ingest.bar import Bar
    from ingest.report import Step
    from ports.settings import Settings

    try:
        with Bar(sys.stderr) as bar:
            found = asyncio.run(
                reembed(
                    options, Settings(), lambda stage, done, total: bar.step(Step(done, total, stage, done))
                )
            )
    except BadRequest as mistake:
        print(mistake.message, file=sys.stderr)
        return 2
    except SwitchboardError as failure:
        print(failure.message, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The old index answers on; run it again to go on where it was.", file=sys.stderr)
        return 130
    show(found, as_json=options.json)
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = argparse.ArgumentParser(prog="switchboard reembed", description=__doc__)
    made.add_argument(
        "--model",
        default="",
        metavar="NAME",
        help="the embedding model to change to (default: SWITCHBOARD_MODEL_EMBEDDING, or the packaged one)",
    )
    made.add_argument(
        "--anew", action="store_true", help="make all vectors again although the model stays the same"
    )
    made.add_argument(
        "--keep",
        action="store_true",
        help="keep the old collection, so that changing back costs only what has changed since",
    )
    made.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    return made


async def reembed(options: argparse.Namespace, settings: "Settings", tell: "Tell") -> dict[str, Any]:
    """Change the model through the server that owns the data folder, else over ports of our own."""
    from ports.folder import owner_of

    owner = owner_of(settings.data_dir)
    if owner is None:
        try:
            return await reembed_here(options, settings, tell)
        except FolderInUse:  # a server that has only just begun to answer
            owner = owner_of(settings.data_dir)
            if owner is None:
                raise
    from ingest.handed import hand_over_reembed

    return await hand_over_reembed(options, owner, LOCAL.tenant, tell)


async def reembed_here(options: argparse.Namespace, settings: "Settings", tell: "Tell") -> dict[str, Any]:
    """Change the model over ports that are opened for it; the index itself need not be usable as configured."""
    from graph.reembed import Reembedding, Wish
    from ingest.renew import renew
    from ports.open import open_ports
    from retrievers.cache import AnswerCache

    async with open_ports(settings) as ports:
        work = Reembedding(
            ports,
            AnswerCache(ports.redis, settings.cache_ttl),
            renew,
            grace=0.0 if settings.qdrant_url is None else None,
        )
        return (await work.run(Wish(options.model, options.anew, options.keep), tell)).body()


def show(found: dict[str, Any], *, as_json: bool) -> None:
    """Print what it came to."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    model = f"{found['model']} ({found['dimension']} dimensions)"
    if not found["switched"]:
        print(f"The index is made with {model} already: {found['chunks']:,} chunks.")
    else:
        print(
            f"Changed from {found['before'] or 'an unknown model'} to {model}: {found['chunks']:,} chunks, "
            f"{found['embedded']:,} of them embedded now, and {found['answers']:,} approved answers "
            f"in {found['seconds']:.1f} s."
        )
    if found["split"]:
        print(f"{found['split']:,} chunks were too long for the model and became several.")
    if found["removed"]:
        print(f"Removed: {', '.join(found['removed'])}.")
    if found.get("setting"):
        print(found["setting"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
