"""The one way in which documents change: index, database and remembered answers together.

A change is hidden while it is written, becomes visible in one transaction of the database, and what it replaces is
removed when no reader can see it any more (store/editions.py has the steps, retrievers/editions.py the readers). Killed
anywhere between, the next start or the next ingest finishes it or takes it back.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import count
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import StoreUnavailable, SwitchboardError
from contracts.identity import Identity
from retrievers.contents import Content
from retrievers.editions import GRACE_S
from store import documents, editions, regroups
from store.documents import Indexed
from store.engine import Database

WAIT_S: Final = 0.05
"""Seconds between two looks whether somebody else's change of the same document is over."""
PATIENCE_S: Final = 90.0
"""Seconds for which it is waited: longer than it takes to notice that a process is dead."""
TOGETHER: Final = 500
"""Documents that are deleted, or editions that are removed, in one go."""

Bump = Callable[[str], Awaitable[Any]]
"""Drops the tenant's remembered answers, and tells readers that something changes."""
Erase = Callable[[str, Collection[str]], Awaitable[Any]]
"""Removes what other stores have of deleted documents; by tenant and sources."""
Begun = TypeVar("Begun")
Groups = Sequence[str] | None
"""Who may read it; None leaves that as it is, and open to everyone in the tenant for a new document."""


class Index(Protocol):
    """What is used of the index (retrievers/collection.py)."""

    async def replace_all(self, tenant: str, contents: Sequence[Content], keep: Collection[str] = ()) -> Any:
        """Write the sources' chunks, then remove whatever else they had but the editions to `keep`."""
        ...

    async def remove(self, tenant: str, editions: Sequence[str]) -> Any:
        """Remove the chunks of these editions."""
        ...

    async def regroup(self, tenant: str, source: str, groups: Sequence[str]) -> Any:
        """Set who may read the source's chunks."""
        ...

    async def delete(self, tenant: str, source: str) -> Any:
        """Remove the source's chunks."""
        ...


async def nothing_else(tenant: str, sources: Collection[str]) -> None:
    """Erase nothing: no other store has anything of the documents."""


class Library:
    """Changes the documents of all tenants; each call names its own."""

    def __init__(
        self,
        index: Callable[[], Index],
        database: Database,
        bump: Bump,
        *,
        erase: Erase = nothing_else,
        erase_again: Callable[[], Awaitable[Any]] | None = None,
        grace: float = GRACE_S,
        alone: bool = False,
    ) -> None:
        """`index` gives what is in use now: a change of the embedding model exchanges it.

        `grace`: seconds for which readers may still see what was replaced; `alone`: no other process writes."""
        self._index, self._database, self._bump, self._erase = index, database, bump, erase
        self.grace, self._alone, self._erase_again = grace, alone, erase_again
        self._process, self._numbers = f"c{secrets.token_hex(8)}", count(1)
        self._living: set[str] = set()
        self._settling = asyncio.Lock()

    async def write(
        self,
        tenant: str,
        contents: Sequence[Content],
        rows: Sequence[Indexed],
        groups: Groups = None,
        *,
        index: Index | None = None,
    ) -> None:
        """Make these documents what readers see, all in one moment; what they had before goes.

        `index` is the one that the vectors were made for: after a change of the embedding model it makes others of
        them. Raises what the index and the database raise: then readers see what they saw before.
        """
        while True:
            async with self._change() as owner:
                if await self._write(tenant, owner, contents, rows, groups, index or self._index()):
                    break

    async def _write(
        self,
        tenant: str,
        owner: str,
        contents: Sequence[Content],
        rows: Sequence[Indexed],
        groups: Groups,
        index: Index,
    ) -> bool:
        """Do one try; False where another process took the change over."""
        versions = {row["source"]: row["sha256"] for row in rows}
        there = await self._begin(tenant, owner, versions)
        try:
            await self._bump(tenant)
            keep = await editions.kept(self._database, tenant, list(versions))
            own = {source: groups if groups is not None else there.get(source, []) for source in versions}
            marked = [replace(content, groups=own[content.source]) for content in contents]
            await index.replace_all(tenant, marked, sorted(keep))
            done = await self._commit(tenant, owner, rows, own, chosen=groups is not None)
        except BaseException:
            with suppress(SQLAlchemyError, SwitchboardError, OSError):
                await asyncio.shield(editions.abandon(self._database, tenant, owner))
            raise
        await self._bump(tenant)
        return done

    async def _begin(self, tenant: str, owner: str, versions: Mapping[str, str]) -> dict[str, list[str]]:
        """Hide what is to be written, when nobody else is writing these documents; return their groups."""
        return await self._turn(
            owner, lambda others: editions.begin(self._database, tenant, owner, versions, others)
        )

    async def _turn(self, owner: str, begin: Callable[[Collection[str]], Awaitable[Begun | None]]) -> Begun:
        """Return what `begin` does, told of the process's other changes, once nobody else is at it."""
        end = asyncio.get_running_loop().time() + PATIENCE_S
        while (begun := await begin(self._living - {owner})) is None:
            if asyncio.get_running_loop().time() > end:
                raise StoreUnavailable(
                    "Another process changes the same document and does not end. Try again."
                )
            await asyncio.sleep(WAIT_S)
        return begun

    async def _commit(
        self, tenant: str, owner: str, rows: Sequence[Indexed], own: dict[str, Sequence[str]], *, chosen: bool
    ) -> bool:
        """Make the change visible; False where another process took it over."""
        while True:
            said = [Indexed({**row, "groups": own[row["source"]]}) for row in rows]
            keep = () if chosen else own.keys()
            try:
                await editions.commit(self._database, tenant, owner, said, list(keep), fresh=self.grace > 0)
            except editions.Taken:
                return False
            except (
                editions.Regrouped
            ) as changed:  # it must not become visible to whom it was closed meanwhile
                for source, groups in changed.groups.items():
                    await self._index().regroup(tenant, source, groups)
                    own[source] = groups
            else:
                return True

    @asynccontextmanager
    async def _change(self) -> AsyncGenerator[str]:
        owner = f"{self._process}.{next(self._numbers)}"
        self._living.add(owner)
        try:
            yield owner
        finally:
            self._living.discard(owner)

    async def remove(self, tenant: str, sources: Sequence[str]) -> int:
        """Delete the documents: nobody sees them from now on, and soon nothing is left of them; return how many."""
        gone = 0
        for at in range(0, len(sources), TOGETHER):
            part = sources[at : at + TOGETHER]
            async with self._change() as owner:
                await self._bump(tenant)
                known = await documents.versions(self._database, tenant, part)
                gone += await editions.retire(self._database, tenant, owner, part)
                for source in set(part) - known.keys():  # the index has it, an older database does not
                    await self._index().delete(tenant, source)
            await self._bump(tenant)
            await self._erase(tenant, part)
        return gone

    async def regroup(self, who: Identity, id: str, groups: Sequence[str]) -> documents.Entry:
        """Set who may read the document, without reading or embedding it again; raises Unknown."""
        await documents.get(self._database, who, id)
        async with self._change() as owner:
            await self._bump(who.tenant)
            changed = await self._turn(
                owner, lambda others: regroups.begin(self._database, who, id, groups, owner, others)
            )
            await self._bump(who.tenant)
            await self._follow(who.tenant, changed["source"], owner)
        return changed

    async def _follow(self, tenant: str, source: str, owner: str) -> None:
        """Make the index say who may read the document, as the database does when it is done."""
        while True:
            groups = await regroups.wanted(self._database, tenant, source)
            if groups is not None:
                await self._index().regroup(tenant, source, groups)
            if await regroups.done(self._database, tenant, source, owner, groups):
                break
        await self._bump(tenant)

    async def _follow_all(self) -> None:
        """Do what changes that were cut off have left to do in the index."""
        async with self._change() as owner:
            for tenant, source in await regroups.claim(
                self._database, owner, self._living, alone=self._alone
            ):
                await self._follow(tenant, source, owner)

    async def regroup_source(self, tenant: str, source: str, groups: Sequence[str]) -> None:
        """Set who may read the document of that name; nothing happens where there is none."""
        who = Identity(tenant=tenant, user="ingest", role="operator")
        entry = await documents.by_source(self._database, who, source)
        if entry is not None:
            await self.regroup(who, entry["id"], groups)

    async def settle(self, *, patient: bool = False) -> int:
        """Remove what nobody sees any more, and what dead processes left; return how many editions.

        `patient`: wait until all that this process has replaced may go.
        """
        async with self._settling:
            await self._follow_all()
        if patient and self.grace > 0 and await editions.waiting(self._database):
            await asyncio.sleep(self.grace)
        removed = 0
        if self._erase_again is not None:
            await self._erase_again()
        async with self._settling:
            left = await editions.claim(self._database, self._process, self.grace, alone=self._alone)
            for tenant, ids in left.items():
                await self._bump(tenant)
                for at in range(0, len(ids), TOGETHER):
                    part = ids[at : at + TOGETHER]
                    await self._index().remove(tenant, part)
                    await editions.forget(self._database, tenant, self._process, part)
                    removed += len(part)
        return removed
