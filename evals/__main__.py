"""`switchboard eval SUITE`: measures the retrievers, the reader and the graph that the server uses, on real data."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from contracts.errors import BadRequest, SwitchboardError
from evals import answerability, handbook, retrieval
from evals.baseline import Change, changes, earlier
from evals.indexing import Ingest
from evals.progress import Bars
from evals.report import page
from evals.result import Options, Result
from evals.terminal import show

Suite = Callable[[Options], Awaitable[Result]]
SUITES: Final[dict[str, tuple[Suite, Path]]] = {
    "retrieval": (retrieval.run, Path("../shared/data/squad_xquad")),
    "answerability": (answerability.run, Path("../shared/data/clapnq_dev")),
    "handbook": (handbook.run, Path("examples")),
}
"""Each suite and the data that it measures on unless told otherwise."""


def main(argv: Sequence[str], ingest: Ingest | None = None) -> int:
    """Run one suite. Returns 0 for success, 1 where it failed or fell below its bar or baseline, 2 on bad usage.

    `ingest` has the functions that index documents; without it only suites that index nothing can run.
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


def run(options: argparse.Namespace, ingest: Ingest | None) -> int:
    """Run the suite, write its report, and return the exit code."""
    suite, data = SUITES[options.suite]
    if options.baseline:
        earlier(options.baseline)  # a mistake is told before the work, not after
    out = folder_for(options.out)
    started = time.perf_counter()
    with Bars(sys.stderr) as bars:
        asked = Options(options.data or data, out / "cache", ingest, bars.tell, bars.say)
        result = asyncio.run(suite(asked))  # pyright: ignore[reportArgumentType] - every suite is a coroutine
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


def write(result: Result, compared: Sequence[Change], out: Path) -> Path:
    """Write the JSON and the report; return the report's path."""
    name = f"{result.suite}-{result.data}"
    (out / f"{name}.json").write_text(json.dumps(result.body()) + "\n", "utf-8")
    report = out / f"{name}.html"
    report.write_text(page(result, compared), "utf-8")
    return report


def verdict(result: Result, compared: Sequence[Change]) -> int:
    """Return 1 where a bar was missed or a figure is significantly below its baseline, and say which; else 0."""
    faults = [bar.sentence for bar in result.bars if not bar.passed]
    faults += [f"{one.name} fell from {one.row()[1]} to {one.row()[2]}" for one in compared if one.worse]
    for fault in faults:
        print(f"Below the bar: {fault}.", file=sys.stderr)
    return 1 if faults else 0
