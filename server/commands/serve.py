"""`switchboard serve`: its arguments."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ports.settings import Settings

if TYPE_CHECKING:
    from server.jobs import IndexerFor


def main(arguments: list[str], indexer_for: "IndexerFor") -> int:
    """Serve and return the exit code."""
    settings, sample = parse(arguments)
    from server.serve import run_until_done, until_signal

    return run_until_done(lambda: until_signal(settings, indexer_for, sample))


def parse(arguments: list[str]) -> tuple[Settings, Path | None]:
    """Return the settings, the command's own options in place of the environment's, and the sample folder."""
    settings = Settings()
    parser = argparse.ArgumentParser(prog="switchboard serve", description="Answer over HTTP.")
    parser.add_argument("--host", default=settings.host, help="address to serve on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=settings.port, help="port (default: %(default)s; 0 picks one)"
    )
    parser.add_argument(
        "--sample", type=Path, help="a folder to load for the local tenant on the very first start"
    )
    options = parser.parse_args(arguments)
    return settings.model_copy(update={"host": options.host, "port": options.port}), options.sample
