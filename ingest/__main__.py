"""`switchboard ingest PATH…`: documents on disk into the knowledge base.

Beside a running server it needs an HTTP client alone, so nothing else is imported before it is known to be needed.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import BadRequest, FolderInUse, SwitchboardError
from contracts.identity import LOCAL
from ingest.report import Progress, Report

if TYPE_CHECKING:
    from ports.settings import Settings


def main(argv: Sequence[str]) -> int:
    """Run the command. Returns 0 where every document is in, 1 where one failed, 2 on bad usage."""
    options = parser().parse_args(argv)
    from ingest.bar import Bar
    from ports.settings import Settings

    try:
        with Bar(sys.stderr) as bar:
            report = asyncio.run(ingest(options, Settings(), bar.step))
    except BadRequest as mistake:
        print(mistake.message, file=sys.stderr)
        return 2
    except SwitchboardError as failure:
        print(failure.message, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was indexed already is kept.", file=sys.stderr)
        return 130
    show(report, as_json=options.json)
    return 1 if report.failures else 0


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = argparse.ArgumentParser(prog="switchboard ingest", description=__doc__)
    made.add_argument(
        "paths", nargs="+", metavar="PATH", help="a folder, a file or a quoted pattern such as 'docs/**/*.md'"
    )
    made.add_argument("--tenant", default=LOCAL.tenant, help="whose knowledge base (default: %(default)s)")
    made.add_argument(
        "--workers", type=at_least_one, default=2, help="processes that read files (default: %(default)s)"
    )
    made.add_argument(
        "--prune", action="store_true", help="remove the documents below PATH whose files are gone"
    )
    made.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    return made


def at_least_one(text: str) -> int:
    """Return a positive number; raises ArgumentTypeError."""
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 256")
    return int(text)


async def ingest(options: argparse.Namespace, settings: "Settings", progress: Progress) -> Report:
    """Ingest through the server that owns the data folder, else over parts of our own. Raises BadRequest."""
    from ports.folder import owner_of

    await asyncio.to_thread(require, options.paths)
    owner = owner_of(settings.data_dir)
    if owner is None:
        try:
            return await ingest_here(options, settings, progress)
        except FolderInUse:  # a server that has only just begun to answer
            owner = owner_of(settings.data_dir)
            if owner is None:
                raise
    from ingest.remote import hand_over

    return await hand_over(options.paths, options.tenant, owner, prune=options.prune, progress=progress)


def require(paths: Sequence[str]) -> None:
    """Raise BadRequest for a path that names nothing, before seconds are spent on opening the parts."""
    from ingest.walk import walk

    walk([path for path in paths if not Path(path).exists()])


async def ingest_here(options: argparse.Namespace, settings: "Settings", progress: Progress) -> Report:
    """Ingest over parts that are opened for it. Raises FolderInUse."""
    from graph.wiring import open_wiring
    from ingest.parts import parts_over
    from ingest.sync import sync

    async with open_wiring(settings) as wiring:
        return await sync(
            options.paths,
            options.tenant,
            parts_over(wiring, options.workers),
            prune=options.prune,
            progress=progress,
        )


def show(report: Report, *, as_json: bool) -> None:
    """Print what it came to: failures and skipped files to stderr, the result to stdout."""
    for _, said in (*report.failures, *report.notes):
        print(said, file=sys.stderr)
    if report.skipped:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(report.skipped.items()))
        print(f"Left out, since nobody named them: {kinds}.", file=sys.stderr)
    body = report.body()
    if as_json:
        print(json.dumps(body, ensure_ascii=False))
        return
    counts = ", ".join(f"{count} {name}" for name, count in body["documents"].items() if count)
    print(f"{counts or 'nothing to do'}; {report.chunks} chunks in {report.seconds:.1f} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
