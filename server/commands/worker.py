"""`switchboard worker`: its arguments."""

import argparse
from typing import TYPE_CHECKING

from ports.settings import Settings

if TYPE_CHECKING:
    from server.jobs import IndexerFor


def main(arguments: list[str], indexer_for: "IndexerFor") -> int:
    """Answer until a signal and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="switchboard worker",
        description="Answer the messages that servers with SWITCHBOARD_ANSWERS=workers accept, and take over what "
        "processes that died have left. Needs SWITCHBOARD_REDIS_URL and SWITCHBOARD_DATABASE_URL, which it shares.",
    )
    parser.parse_args(arguments)
    settings = Settings()
    # It listens nowhere, so its address says nothing: tools may be called inside where the setting says so alone.
    settings = settings.model_copy(update={"tool_networks": settings.tool_networks or ()})
    from server.serve import run_until_done
    from server.worker import work

    return run_until_done(lambda: work(settings, indexer_for))
