"""The one program: `switchboard COMMAND`. Each command's code is loaded only when it is called."""

import sys
from importlib import import_module

COMMANDS = {
    "serve": ("server.serve", "answer over HTTP"),
    "ask": ("server.terminal", "ask a question in the terminal"),
    "doctor": ("server.doctor", "check each part and say what to do"),
    "keys": ("server.keys", "create, list and revoke keys"),
    "ingest": ("ingest.__main__", "put documents into the knowledge base"),
    "eval": ("evals.__main__", "measure retrieval and answers on real data"),
    "bench": ("bench.__main__", "measure speed, with a floor beside each figure"),
}


def usage() -> str:
    """Return the list of commands."""
    rows = "\n".join(f"  {name:8} {does}" for name, (_, does) in COMMANDS.items())
    return f"usage: switchboard COMMAND …\n\n{rows}\n\n`switchboard COMMAND --help` tells more."


def main() -> int:
    """Run the command named by the first argument and return its exit code."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0 if arguments else 2
    command = COMMANDS.get(arguments[0])
    if command is None:
        print(f"There is no command {arguments[0]!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    return int(import_module(command[0]).main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main())
