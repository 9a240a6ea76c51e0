"""Second names of the embedded index's collections, as a Qdrant server has them.

All of them are in one small file that is replaced atomically: a switch of several is seen whole or not at all, also
after kill -9.
"""

import os
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from qdrant_client import models

from ports.edge_filter import unsupported
from ports.edge_shard import rejected

FILE: Final = "aliases.json"


class Aliases:
    """Maps each alias to its collection."""

    def __init__(self, folder: Path, collections: Container[str]) -> None:
        """Read the aliases; those of a collection whose deletion was cut off have gone with it."""
        self._path = folder / FILE
        kept = orjson.loads(self._path.read_bytes()) if self._path.exists() else {}
        self.all: dict[str, str] = {alias: name for alias, name in kept.items() if name in collections}

    def target(self, name: str) -> str:
        """Return the collection that the name stands for: another one's where it is an alias."""
        return self.all.get(name, name)

    def change(self, operations: Sequence[Any], collections: Container[str]) -> None:
        """Do all of the operations, or none where one is refused."""
        changed = dict(self.all)
        for operation in operations:
            _change(changed, operation, collections)
        self._keep(changed)

    def forget(self, collection: str) -> None:
        """Remove the aliases of a collection that is to be deleted."""
        if collection in self.all.values():
            self._keep({alias: name for alias, name in self.all.items() if name != collection})

    def described(self, collection: str | None = None) -> models.CollectionsAliasesResponse:
        """Return the aliases, all or those of one collection, as a server tells them."""
        found = [
            models.AliasDescription(alias_name=alias, collection_name=name)
            for alias, name in sorted(self.all.items())
            if collection in (None, name)
        ]
        return models.CollectionsAliasesResponse(aliases=found)

    def _keep(self, changed: dict[str, str]) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps(changed, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self.all = changed


def _change(aliases: dict[str, str], operation: Any, collections: Container[str]) -> None:
    match operation:
        case models.CreateAliasOperation(create_alias=given):
            if given.collection_name not in collections:
                raise rejected(404, "Not Found", f"Collection `{given.collection_name}` doesn't exist!")
            _require_free(given.alias_name, collections)
            aliases[given.alias_name] = given.collection_name
        case models.DeleteAliasOperation(delete_alias=given):
            aliases.pop(given.alias_name, None)
        case models.RenameAliasOperation(rename_alias=given):
            if given.old_alias_name not in aliases:
                raise rejected(404, "Not Found", f"Alias `{given.old_alias_name}` does not exist!")
            _require_free(given.new_alias_name, collections)
            aliases[given.new_alias_name] = aliases.pop(given.old_alias_name)
        case _:
            raise unsupported(f"an alias operation of type {type(operation).__name__}")


def _require_free(alias: str, collections: Container[str]) -> None:
    if alias in collections:
        raise rejected(409, "Conflict", f"Collection `{alias}` already exists!")
