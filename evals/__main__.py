"""`switchboard eval SUITE`: measures the retrievers, the reader and the graph that the server uses, on real data."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contracts.errors import BadRequest, SwitchboardError

if TYPE_CHECKING:
    from evals.baseline import Change
    from evals.indexing import Ingest
    from evals.result import Result

SUITES: Final = {
    "retrieval": Path("../shared/data/squad_xquad"),
    "crosslingual": Path("../shared/data/squad_xquad"),
    "identifiers": Path("../shared/data/docs_corpora"),
    "answerability": Path("../shared/data/clapnq_dev"),
    "handbook": Path("examples"),
    "ingest": Path("../shared/data/docling_tests"),
    "conversation": Path("../shared/data/mtrag"),
    "chunking": Path("../shared/data/chunking_eval"),
    "ablate": Path("../shared/data"),
}
"""Each suite, which is a module here, and the data that it measures on unless told otherwise."""


def main(argv: Sequence[str], ingest: "Callable[[], Ingest] | None" = None) -> int:
    """Run one suite. Returns 0 for success, 1 where it failed or fell below its bar or baseline, 2 on bad usage.

    `ingest` returns the functions that index documents; without it only suites that index nothing can run.
    """
    options = parser().parse_args(argv)
    try:
        return run(options, ingest)
    except BadRequest as mistake:
        print(mistake.message, file=sys.stderr)
        return 2
    except SwitchboardError as failure:
        print(failure.message, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was indexed so far is kept for the next run.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = argparse.ArgumentParser(prog="switchboard eval", description=__doc__)
    made.add_argument("suite", choices=list(SUITES), metavar="SUITE", help=", ".join(SUITES))
    made.add_argument("--data", type=Path, metavar="DIR", help="the data folder, instead of the suite's own")
    made.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR",
        help="where the report, the JSON and kept indexes go (default: %(default)s)",
    )  # fmt: skip
    made.add_argument(
        "--baseline", type=Path, metavar="FILE", help="the JSON of an earlier run to compare with"
    )
    made.add_argument("--json", action="store_true", help="print one JSON object on stdout instead of tables")
    return made


def run(options: argparse.Namespace, ingest: "Callable[[], Ingest] | None") -> int:
    """Run the suite, write its report, and return the exit code."""
    # seconds of imports that a mistake in the arguments makes needless
    from rich.console import Console

    from evals.baseline import changes, earlier
    from evals.progress import Bars
    from evals.result import Options
    from evals.terminal import show

    if options.baseline:
        earlier(options.baseline)  # a mistake is told before the work, not after
    out = folder_for(options.out)
    started = time.perf_counter()
    with Bars(sys.stderr) as bars:
        asked = Options(
            options.data or SUITES[options.suite],
            out / "cache",
            ingest() if ingest else None,
            bars.tell,
            bars.say,
        )
        suite = import_module(f"evals.{options.suite}")
        result: Result = asyncio.run(suite.run(asked))
    result.seconds = time.perf_counter() - started
    compared = changes(result, options.baseline) if options.baseline else []
    report = write(result, compared, out)
    if options.json:
        show(result, compared, Console(stderr=True, highlight=False))
        print(json.dumps(result.body()))
    else:
        show(result, compared, Console(highlight=False))
    print(f"Report: {report}", file=sys.stderr)
    return verdict(result, compared)


def folder_for(out: Path) -> Path:
    """Make the folder for what comes out; raises BadRequest."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(
            f"Nothing can be written to {str(out)!r} ({error.strerror}). Name a folder by --out."
        ) from error
    return out


def write(result: "Result", compared: "Sequence[Change]", out: Path) -> Path:
    """Write the JSON and the report; return the report's path."""
    from evals.report import page

    name = f"{result.suite}-{result.data}"
    (out / f"{name}.json").write_text(json.dumps(result.body()) + "\n", "utf-8")
    report = out / f"{name}.html"
    report.write_text(page(result, compared), "utf-8")
    return report


def verdict(result: "Result", compared: "Sequence[Change]") -> int:
    """Return 1 where a bar was missed or a figure is significantly below its baseline, and say which; else 0."""
    faults = [bar.sentence for bar in result.bars if not bar.passed]
    faults += [f"{one.name} fell from {one.row()[1]} to {one.row()[2]}" for one in compared if one.worse]
    for fault in faults:
        print(f"Below the bar: {fault}.", file=sys.stderr)
    return 1 if faults else 0
