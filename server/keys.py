"""`switchboard keys`: create, list and revoke the keys that requests carry.

The database is opened beside a running server: keys are rows, and nobody has to stop for one.
"""

import argparse
import asyncio
import json
import sys

from rich.console import Console
from rich.table import Table

from contracts.errors import SwitchboardError
from contracts.identity import LOCAL
from graph.wiring import open_database
from ports.settings import Settings
from store import keys
from store.engine import Database


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        return asyncio.run(_main(options))
    except SwitchboardError as error:
        print(error.message, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    top = argparse.ArgumentParser(prog="switchboard keys", description="Create, list and revoke keys.")
    actions = top.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key and show its secret once")
    create.add_argument("--tenant", required=True)
    create.add_argument("--user", default="", help="whom the key speaks for (default: its name, or the role)")
    create.add_argument("--department", default="", help="decides which documents it may read")
    create.add_argument("--role", default="member", choices=keys.ROLES)
    create.add_argument("--name", default="", help="what the key is for")
    listing = actions.add_parser("list", help="show a tenant's keys")
    listing.add_argument("--tenant", required=True)
    revoke = actions.add_parser("revoke", help="end a key; it works for at most two more seconds")
    revoke.add_argument("id")
    revoke.add_argument("--tenant", required=True)
    for action in (create, listing, revoke):
        action.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    return top


async def _main(options: argparse.Namespace) -> int:
    async with open_database(Settings()) as database:
        match options.action:
            case "create":
                await _create(database, options)
            case "list":
                await _list(database, options)
            case _:
                await keys.revoke(database, options.tenant, options.id)
                print(
                    json.dumps({"revoked": options.id}) if options.json else f"Key {options.id} is revoked."
                )
    return 0


async def _create(database: Database, options: argparse.Namespace) -> None:
    user = options.user or options.name or options.role
    made = await keys.create(database, options.tenant, user, options.department, options.role, options.name)
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


async def _list(database: Database, options: argparse.Namespace) -> None:
    items: list[keys.Key] = []
    cursor: str | None = None
    while True:
        page = await keys.listing(database, options.tenant, 200, cursor)
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    if options.json:
        print(json.dumps({"items": items}))
        return
    table = Table("id", "user", "department", "role", "name", "created", "revoked", box=None, pad_edge=False)
    for key in items:
        table.add_row(
            key["id"],
            key["user"],
            key["department"],
            key["role"],
            key["name"],
            key["created_at"],
            key["revoked_at"],
        )
    Console().print(table)
