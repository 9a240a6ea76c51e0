"""Which collection an index's name stands for.

The name in the settings is an alias; the collections behind it carry their model in their names, and the switch from
one to the next is one call. An index from before aliases is a collection of that very name: it is taken as it is, and
once it has a successor the alias LIVE stands for the name until it has gone: the name always means a collection.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from qdrant_client import models

LIVE: Final = "live"


class Aliased(Protocol):
    """What is used of the index's client."""

    get_aliases: Any
    get_collection: Any
    get_collections: Any
    update_collection_aliases: Any
    delete_collection: Any
    count: Any


@dataclass(frozen=True, slots=True)
class Made:
    """A collection, and the model that it was made with."""

    name: str
    embedding: str
    """Empty where the collection does not say."""
    dimension: int
    number: int
    """Counts the collections of one index; 0 for one from before aliases."""


def name_for(index: str, embedding: str, dimension: int, number: int) -> str:
    """Return the name of a collection: `passages--nomic-embed-text-768--2`."""
    return f"{index}--{_slug(embedding)}-{dimension}--{number}"


def _slug(embedding: str) -> str:
    """Return a model's name as a part of a collection's: no sign that a name may not have, no double dash."""
    plain = re.sub(r"[^a-z0-9.]+", "-", embedding.lower().removesuffix(":latest")).strip("-.")
    return plain[:80] or "model"


def _numbered(index: str, name: str) -> int | None:
    """Return the collection's number; None for one that is not of this index."""
    found = re.fullmatch(rf"{re.escape(index)}--(?:[a-z0-9.]|-(?!-))+-\d+--(\d+)", name)
    return int(found[1]) if found else (0 if name == index else None)


async def target_of(client: Aliased, index: str) -> str | None:
    """Return the collection that the index's name stands for, or None where there is none yet."""
    aliases = {one.alias_name: one.collection_name for one in (await client.get_aliases()).aliases}
    for alias in (f"{index}--{LIVE}", index):
        if alias in aliases:
            return aliases[alias]
    return index if index in await _names(client) else None


async def _names(client: Aliased) -> list[str]:
    return [one.name for one in (await client.get_collections()).collections]


async def made_of(client: Aliased, name: str, index: str) -> Made:
    """Return what the collection says of itself."""
    info = await client.get_collection(name)
    metadata: Mapping[str, Any] = info.config.metadata or {}
    number = _numbered(index, name)
    return Made(name, str(metadata.get("embedding") or ""), int(metadata.get("dimension") or 0), number or 0)


async def all_of(client: Aliased, index: str) -> list[Made]:
    """Return every collection that was made for the index, the newest first."""
    mine = [name for name in await _names(client) if _numbered(index, name) is not None]
    found = [await made_of(client, name, index) for name in mine]
    return sorted(found, key=lambda made: -made.number)


async def next_name(client: Aliased, index: str, embedding: str, dimension: int) -> str:
    """Return the name for a further collection of the index."""
    number = max((made.number for made in await all_of(client, index)), default=0)
    return name_for(index, embedding, dimension, number + 1)


async def orphan_of(client: Aliased, index: str) -> str | None:
    """Return the fullest collection of an index whose alias has been lost; None where all are empty."""
    counts = [((await client.count(made.name)).count, made.name) for made in await all_of(client, index)]
    fullest = max(counts, default=(0, ""))
    return fullest[1] if fullest[0] else None


async def switch(client: Aliased, targets: Mapping[str, str]) -> None:
    """Make each index's name stand for its collection, all of them in one step."""
    taken = set(await _names(client))
    operations: list[Any] = []
    for index, name in targets.items():
        if name == index:
            operations.append(_drop(f"{index}--{LIVE}"))
        elif index in taken:
            operations.append(_name(f"{index}--{LIVE}", name))
        else:
            operations += [_name(index, name), _drop(f"{index}--{LIVE}")]
    await client.update_collection_aliases(operations)


async def remove(client: Aliased, index: str, names: Sequence[str]) -> None:
    """Delete collections of the index that its name does not stand for."""
    now = await target_of(client, index)
    for name in names:
        if name != now:
            await client.delete_collection(name)
    if now is not None and now != index and index in names:  # its own name is free at last
        await switch(client, {index: now})


def _name(alias: str, collection: str) -> models.CreateAliasOperation:
    return models.CreateAliasOperation(
        create_alias=models.CreateAlias(alias_name=alias, collection_name=collection)
    )


def _drop(alias: str) -> models.DeleteAliasOperation:
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
