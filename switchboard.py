"""The one program: `switchboard COMMAND`. Each command's code is loaded only when it is called.

It is also where the server and the evaluations meet the ingest pipeline: none imports another. A SIGTERM ends a
command as Ctrl-C does, so that the embedded Valkey goes with it.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.indexing import Ingest
    from graph.wiring import Wiring
    from server.jobs import Indexer

# Read by langgraph-checkpoint when it is imported: without it, stored state may construct any class.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
# Read by numpy's BLAS when it is loaded: its products here are small, and a pool of spinning threads made them
# up to 28 times slower beside other work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = {
    "serve": ("server.commands.serve", "answer over HTTP"),
    "worker": ("server.commands.worker", "answer what servers accept, without HTTP"),
    "ask": ("server.terminal", "ask a question in the terminal"),
    "doctor": ("server.doctor", "check each part and say what to do"),
    "keys": ("server.keys", "create, list and revoke keys"),
    "scan": ("server.scan", "find every place that holds a text, after a deletion"),
    "ingest": ("ingest.__main__", "put documents into the knowledge base"),
    "reembed": ("ingest.reembed", "change the embedding model while the index answers"),
    "eval": ("evals.__main__", "measure retrieval and answers on real data"),
    "bench": ("bench.__main__", "measure speed, with a floor beside each figure"),
}
INDEXING = frozenset({"serve", "worker", "ask"})
"""Commands that are given the ingest pipeline for uploads."""


def usage() -> str:
    """Return the list of commands."""
    rows = "\n".join(f"  {name:8} {does}" for name, (_, does) in COMMANDS.items())
    return f"usage: switchboard COMMAND …\n\n{rows}\n\n`switchboard COMMAND --help` tells more."


def indexer_for(wiring: "Wiring") -> "Indexer":
    """Return what indexes one uploaded file over the server's open parts, which learn to embed anew with it."""
    from ingest.index import index
    from ingest.parts import parts_over
    from ingest.renew import renew
    from ingest.report import Step
    from ingest.walk import Found
    from ingest.web_fetch import Pace
    from ingest.web_order import take_order
    from ports.web_address import is_url

    wiring.indexes.renew = renew
    settings, pace = wiring.ports.settings, Pace()

    async def run(
        files: Sequence[tuple[Path, str]],
        tenant: str,
        groups: list[str] | None,
        tell: Callable[[str, int, int], None],
    ) -> dict[str, Any]:
        def step(at: Step) -> None:
            tell("indexing", at.done, at.total)

        tell("reading", 0, len(files))
        parts = parts_over(wiring, workers=1)  # now: the embedding model may have changed
        if len(files) == 1 and is_url(files[0][1]):
            order, address = files[0]
            return (
                await take_order(
                    order, address, tenant, parts, settings, pace=pace, groups=groups, progress=step
                )
            ).body()
        found = [Found(path, source, path.stat().st_size) for path, source in files]
        return (await index(found, tenant, parts, groups=groups, progress=step)).body()

    return run


def ingest_functions() -> "Ingest":
    """Return the ingest's functions for the evaluation runs."""
    from evals.indexing import Ingest
    from ingest.embed import embed
    from ingest.load import load
    from ingest.split import split

    return Ingest(split, embed, indexer_for, load)


def main() -> int:
    """Run the command named by the first argument and return its exit code."""
    try:
        try:
            return run_command(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` has read enough; nothing more may be written, not even at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        said = told(error)
        if said is None:
            raise
        print(said[1], file=sys.stderr)
        return said[0]


def told(error: Exception) -> tuple[int, str] | None:
    """Return exit code and sentence for what a person can mend; None for a defect of ours, which keeps its stack."""
    # The libraries are loaded by whoever raised: a command that ends well may not need them.
    if isinstance(error, ModuleNotFoundError):
        return 1, f"The Python package {error.name!r} is missing. Run `make setup` again."
    from pydantic import ValidationError

    if isinstance(error, ValidationError) and error.title == "Settings":
        first = error.errors()[0]
        name = f"SWITCHBOARD_{'_'.join(map(str, first['loc'])).upper()}"
        value = (
            repr(first["input"]) if "@" not in str(first["input"]) else "set"
        )  # there may be a password in it
        return 2, f"{name} is {value}: {first['msg'].removeprefix('Value error, ')}. Correct or unset it."
    from contracts.errors import Internal
    from graph.failures import known

    meant = known(error)
    if isinstance(meant, Internal):
        return None
    return 1, f"{meant.message} `switchboard doctor` tells which part it is and what to do."


def run_command(arguments: list[str]) -> int:
    """Run the command with its arguments and return its exit code."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"switchboard {version('switchboard')}")
        return 0
    name, rest = arguments[0], arguments[1:]
    command = COMMANDS.get(name)
    if command is None:
        print(f"There is no command {name!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    if name not in {"serve", "worker"}:  # which end in order by themselves
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    run = load(command[0]).main
    if name == "eval":
        return int(run(rest, ingest_functions))
    return int(run(rest, indexer_for) if name in INDEXING else run(rest))


def load(module: str) -> Any:
    """Import a command without garbage collections: what is imported stays, and they took a sixth of the time."""
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
