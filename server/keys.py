"""`switchboard keys`: create, list and revoke the keys that requests carry.

The database is opened beside a running server: keys are rows, and nobody has to stop for one.
"""

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING

from contracts.errors import BadRequest, SwitchboardError
from contracts.identity import LOCAL

if TYPE_CHECKING:
    from store.engine import Database
    from store.keys import Key


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        asyncio.run(_main(options))
    except BadRequest as mistake:
        print(mistake.message, file=sys.stderr)
        return 2
    except SwitchboardError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    top = argparse.ArgumentParser(prog="switchboard keys", description="Create, list and revoke keys.")
    actions = top.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key and show its secret once")
    create.add_argument("--tenant", required=True)
    create.add_argument("--user", default="", help="whom the key speaks for (default: its name, or the role)")
    create.add_argument("--department", default="", help="decides which documents it may read")
    create.add_argument(
        "--groups", default="", help="further groups, separated by commas, whose documents it may read"
    )
    create.add_argument("--role", default="member", help="member, owner or operator (default: %(default)s)")
    create.add_argument("--name", default="", help="what the key is for")
    listing = actions.add_parser("list", help="show a tenant's keys")
    listing.add_argument("--tenant", required=True)
    revoke = actions.add_parser("revoke", help="end a key; it works for at most two more seconds")
    revoke.add_argument("id")
    revoke.add_argument("--tenant", required=True)
    for action in (create, listing, revoke):
        action.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    return top


async def _main(options: argparse.Namespace) -> None:
    from graph.database import open_database  # after the arguments: `--help` needs no SQL
    from ports.settings import Settings

    async with open_database(Settings()) as database:
        await {"create": _create, "list": _list, "revoke": _revoke}[options.action](database, options)


async def _create(database: "Database", options: argparse.Namespace) -> None:
    from store import keys

    user = options.user or options.name or options.role
    groups = [name.strip() for name in options.groups.split(",") if name.strip()]
    made = await keys.create(
        database, options.tenant, user, options.department, options.role, options.name, groups
    )
    key, secret = made
    if options.json:
        print(json.dumps({**key, "secret": secret}))
        return
    print(f"Key {key['id']} for {user} of {options.tenant} ({options.role}). Its secret is shown this once:")
    print(secret)
    if options.tenant != LOCAL.tenant:
        print(
            "From now on every request needs a key. What was asked without one belongs to the tenant "
            f"{LOCAL.tenant!r}.",
            file=sys.stderr,
        )


async def _revoke(database: "Database", options: argparse.Namespace) -> None:
    from store import keys

    await keys.revoke(database, options.tenant, options.id)
    print(json.dumps({"revoked": options.id}) if options.json else f"Key {options.id} is revoked.")


async def _list(database: "Database", options: argparse.Namespace) -> None:
    from store import keys

    items: list[Key] = []
    cursor: str | None = None
    while True:
        page = await keys.listing(database, options.tenant, 200, cursor)
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    if options.json:
        print(json.dumps({"items": items}))
    elif items:
        show(items)
    else:
        print(f"The tenant {options.tenant!r} has no keys.")


def show(items: "list[Key]") -> None:
    """Print the keys as a table. Brackets in a name are text, not colours."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = ("id", "user", "department", "groups", "role", "name", "created_at", "revoked_at")
    table = Table(*(name.removesuffix("_at") for name in columns), box=None, pad_edge=False)
    for key in items:
        row = {**key, "groups": ", ".join(key["groups"])}
        table.add_row(*(Text(str(row[name] or "")) for name in columns))
    # A pipe has no width: a row is a line there, for `grep` and `cut`.
    Console(width=None if sys.stdout.isatty() else 1000).print(table)
