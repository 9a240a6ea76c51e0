"""`switchboard bench NAME`: what it costs, with a floor beside each figure."""

import argparse
import sys
from importlib import import_module
from typing import Final

NAMES: Final = {
    "overhead": "time to first token through the whole runtime, against the model alone",
    "ingest": "chunks a second through the whole pipeline, against the embedder alone",
    "bulk": "real documentation into an index, against LangChain, LlamaIndex, Haystack and the embedder alone",
    "query": "finding passages among 100,000 chunks, against exact search and the engine alone",
    "formats": "what document converters make of the files of `eval ingest`, beside our loaders",
    "streams": "500 concurrent streams, against a bare server that sends the same",
    "growth": "what a turn costs in a conversation of 1,000 turns, beside one of 10",
    "runtime": "CPU of a request and of a token, against a raw proxy and other runtimes",
    "chaos": "runs on servers that are killed, paused and cut off: nothing may be lost or come twice",
}
PEERS: Final = "aegra,langgraph,hayhooks,litellm"


def main(arguments: list[str]) -> int:
    """Run one benchmark; returns 0, or 1 where a figure misses its limit."""
    options = vars(parser().parse_args(arguments))
    return int(import_module(f"bench.{options.pop('name')}").run(**options))


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    top = argparse.ArgumentParser(prog="switchboard bench", description="Measure.")
    names = top.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, does in NAMES.items():
        one = names.add_parser(name, help=does, description=does)
        one.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
        if name == "runtime":
            add_choices(one)
        if name == "chaos":
            add_chaos(one)
        if name == "ingest":
            add_kills(one)
        if name == "query":
            add_query(one)
        if name == "bulk":
            add_bulk(one)
    return top


def add_choices(runtime: argparse.ArgumentParser) -> None:
    """Add what `bench runtime` alone can be told."""
    runtime.add_argument("--peers", default=PEERS, help="some of %(default)s, separated by commas; or none")
    runtime.add_argument("--rounds", type=int, default=3, help="rounds that count (default: %(default)s)")
    runtime.add_argument(
        "--soak", dest="soak_s", type=float, default=0, metavar="SECONDS",
        help="then let 1,000 streams flow for so long; with --rounds 0 nothing else",
    )  # fmt: skip


def add_chaos(chaos: argparse.ArgumentParser) -> None:
    """Add what `bench chaos` alone can be told."""
    chaos.add_argument("--runs", type=int, default=200, help="runs at least (default: %(default)s)")
    chaos.add_argument("--seed", type=int, help="of all that is drawn; another one each time by default")
    chaos.add_argument(
        "--on", choices=("embedded", "servers"), default="embedded", help="(default: %(default)s)"
    )
    chaos.add_argument("--minutes", type=float, default=0, help="for so long, however many runs that makes")
    chaos.add_argument("--only", type=int, metavar="CASE", help="repeat one case of the seed")
    chaos.add_argument(
        "--soak", type=float, default=0, metavar="MINUTES",
        help="so long under load without faults: memory and file descriptors may not grow",
    )  # fmt: skip
    chaos.add_argument("--faults", type=int, default=20, help="in a case, on average (default: %(default)s)")
    chaos.add_argument(
        "--streams", type=fewest_most, default=(20, 50), metavar="FEWEST,MOST",
        help="conversations in a case (default: 20,50)",
    )  # fmt: skip
    chaos.add_argument("--cold", action="store_true", help="start each server as a program, imports and all")


def add_kills(ingest: argparse.ArgumentParser) -> None:
    """Add what `bench ingest` alone can be told."""
    ingest.add_argument(
        "--kills", type=int, default=0, metavar="N",
        help="measure nothing; kill an ingest N times at drawn moments, and hold what it ends with against a clean run",
    )  # fmt: skip
    ingest.add_argument("--seed", type=int, help="of the moments; another one each time by default")


def add_bulk(bulk: argparse.ArgumentParser) -> None:
    """Add what `bench bulk` alone can be told."""
    bulk.add_argument("--files", type=int, default=240, help="drawn from 1,667; 0 for all (default: 240)")
    bulk.add_argument("--slices", type=int, default=4, help="turns that each takes (default: %(default)s)")
    bulk.add_argument("--peers", default="langchain,llamaindex,haystack", help="some of %(default)s; or none")
    bulk.add_argument(
        "--own-runner", action="store_true", help="LangChain with sentence-transformers too: 3 GB to install"
    )
    bulk.add_argument("--data", default="../shared/data", help="(default: %(default)s)")


def add_query(query: argparse.ArgumentParser) -> None:
    """Add what `bench query` alone can be told."""
    query.add_argument("--data", default="../shared/data", help="evaluation data (default: %(default)s)")
    query.add_argument(
        "--keep",
        default="data/bench",
        help="where vectors and index stay for the next run (default: %(default)s)",
    )
    query.add_argument("--chunks", type=int, default=100_000, help="in the index (default: %(default)s)")
    query.add_argument("--threads", type=int, default=2, help="of the embedder (default: %(default)s)")


def fewest_most(text: str) -> tuple[int, int]:
    """Return the two numbers; raises ArgumentTypeError for anything else."""
    fewest, comma, most = text.partition(",")
    if not (comma and fewest.isdecimal() and most.isdecimal() and 1 <= int(fewest) <= int(most)):
        raise argparse.ArgumentTypeError(f"{text!r} must be the fewest and the most, such as 20,50")
    return int(fewest), int(most)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
