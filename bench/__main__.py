"""`switchboard bench NAME`: what it costs, with a floor beside each figure."""

import argparse
import sys
from importlib import import_module
from typing import Final

NAMES: Final = {
    "overhead": "time to first token through the whole runtime, against the model alone",
    "ingest": "chunks a second through the whole pipeline, against the embedder alone",
    "streams": "500 concurrent streams, against a bare server that sends the same",
}


def main(arguments: list[str]) -> int:
    """Run one benchmark; returns 0, or 1 where a figure misses its limit."""
    rows = "\n".join(f"  {name:10}{does}" for name, does in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="switchboard bench", description="Measure.", epilog=rows,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options = parser.parse_args(arguments)
    return int(import_module(f"bench.{options.name}").run(options.json))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
