"""`switchboard ingest PATH|URL…`: documents on disk, pages and sitemaps into the knowledge base.

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
        if options.watch:
            return asyncio.run(go_on(options, Settings()))
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
        "paths",
        nargs="+",
        metavar="PATH|URL",
        help="a folder, a file, a quoted pattern such as 'docs/**/*.md', a page or a sitemap.xml",
    )
    made.add_argument(
        "--sitemap",
        action="store_true",
        help="each URL is a sitemap, also where it is a list with one address a line",
    )
    made.add_argument("--tenant", default=LOCAL.tenant, help="whose knowledge base (default: %(default)s)")
    made.add_argument(
        "--workers", type=at_least_one, metavar="N",
        help="processes that read files, and threads that embed (default: one a core; with --ray: the cluster's cores)",
    )  # fmt: skip
    made.add_argument(
        "--ray", metavar="ADDRESS",
        help="do it on the Ray cluster that this machine belongs to: `auto`, or the head's HOST:6379",
    )  # fmt: skip
    made.add_argument(
        "--prune", action="store_true", help="remove the documents below PATH whose files are gone"
    )
    made.add_argument(
        "--groups", metavar="A,B",
        help="who may read them; `*` is everyone. Without it that stays as it is, everyone for a new document",
    )  # fmt: skip
    made.add_argument(
        "--check",
        action="store_true",
        help="read every file, also where the file system says it is unchanged",
    )
    made.add_argument("--watch", action="store_true", help="go on with every change on disk until Ctrl-C")
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

    paths, addresses = parted(options)
    groups = groups_of(options)
    await asyncio.to_thread(require, paths)
    owner = owner_of(settings.data_dir)
    if owner is None:
        try:
            return await ingest_here(options, paths, addresses, settings, progress)
        except FolderInUse:  # a server that has only just begun to answer
            owner = owner_of(settings.data_dir)
            if owner is None:
                raise
    if options.ray:
        raise BadRequest(
            "A server runs on this data folder and does its own ingests. Stop it; or, where index, database and log "
            "are servers, name another folder in SWITCHBOARD_DATA_DIR. Then give --ray again."
        )
    if options.workers:
        print(
            "A server runs on this data folder and indexes with its own: --workers has no effect.",
            file=sys.stderr,
        )
    from ingest.remote import hand_over

    return await hand_over(
        paths,
        options.tenant,
        owner,
        addresses=addresses,
        sitemap=options.sitemap,
        prune=options.prune,
        groups=groups,
        check=options.check,
        progress=progress,
    )


async def go_on(options: argparse.Namespace, settings: "Settings") -> int:
    """Ingest again with every change, until it is cancelled. Raises BadRequest."""
    from ingest.watch import watch

    paths, addresses = parted(options)
    if addresses or not paths:
        raise BadRequest(
            "--watch looks at files and folders: leave the URLs out, or ingest them again by a timer."
        )
    groups_of(options)  # a mistake in it ends the command, where a run's failure would only be told
    await asyncio.to_thread(require, paths)
    await watch(
        paths,
        lambda: ingest(options, settings, lambda _: None),
        lambda report: show(report, as_json=options.json),
    )
    return 0


def groups_of(options: argparse.Namespace) -> list[str] | None:
    """Return who may read the documents; None leaves that as it is. Raises BadRequest for what names nobody."""
    if options.groups is None:
        return None
    names = sorted({name for one in options.groups.split(",") if (name := one.strip())})
    if any(set(name) & set('"[]\\') for name in names) or ("*" in names and len(names) > 1):
        raise BadRequest(
            "--groups takes names separated by commas, without quotes and brackets, or `*` alone."
        )
    if not names:
        raise BadRequest("--groups names nobody. Leave it out, or say `*` for everyone.")
    return [] if names == ["*"] else names


def parted(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the paths and the addresses among the arguments; raises BadRequest for an address that is none."""
    from ports.web_address import is_url, to_address

    addresses = [to_address(one) for one in options.paths if is_url(one)]
    if options.sitemap and not addresses:
        raise BadRequest("--sitemap says what the URLs are, and none is named. Name the sitemap's URL.")
    return [one for one in options.paths if not is_url(one)], addresses


def require(paths: Sequence[str]) -> None:
    """Raise BadRequest for a path that names nothing, before seconds are spent on opening the parts."""
    from ingest.walk import walk

    walk([path for path in paths if not Path(path).exists()])


async def ingest_here(
    options: argparse.Namespace,
    paths: Sequence[str],
    addresses: Sequence[str],
    settings: "Settings",
    progress: Progress,
) -> Report:
    """Ingest over parts that are opened for it. Raises FolderInUse."""
    from graph.wiring import open_wiring
    from ingest.parts import parts_over
    from ingest.sync import sync
    from ingest.web import take_in
    from ingest.web_fetch import limits_from, open_web
    from ingest.where import cores, place_for, with_threads

    workers = options.workers or cores()
    settings = with_threads(settings, workers)
    with place_for(options.ray, options.workers, paths) as place:
        async with open_wiring(settings) as wiring:
            if settings.qdrant_url is None:  # the index is this process's own: nobody reads what is replaced
                wiring.library.grace = 0.0
            report, parts = Report(), parts_over(wiring, workers)
            if paths:
                by = place(settings, wiring.collection.embedding_name)
                found = await sync(
                    paths,
                    options.tenant,
                    parts,
                    prune=options.prune,
                    groups=groups_of(options),
                    check=options.check,
                    progress=progress,
                    by=by,
                )
                report.add(found)
            if addresses:  # fetched here, with --ray too: one address for the manners of all
                async with open_web(limits_from(settings)) as web:
                    report.add(
                        await take_in(
                            addresses,
                            options.tenant,
                            parts,
                            web,
                            groups=groups_of(options),
                            sitemap=options.sitemap,
                            prune=options.prune,
                            progress=progress,
                        )
                    )
            return report


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
