"""Documents and the jobs that bring them, on both databases."""

import pytest
from sqlalchemy.exc import IntegrityError

from contracts.errors import Unknown
from contracts.identity import Identity
from store import documents, jobs
from store.engine import Database
from tests.store.places import ANN, BOB, OWNER, STRANGER


async def _add(database: Database, source: str, sha256: str = "a", *groups: str) -> documents.Entry:
    return await documents.upsert(
        database, OWNER, source, title=source.title(), sha256=sha256, bytes=3_000_000_000, groups=groups
    )


async def test_a_changed_source_stays_the_same_document(database: Database) -> None:
    first = await _add(database, "a.md", "old")
    second = await _add(database, "a.md", "new")
    assert (second["id"], second["created_at"]) == (first["id"], first["created_at"])
    assert second["updated_at"] > first["updated_at"]
    assert await documents.digests(database, OWNER) == {"a.md": "new"}
    assert second["bytes"] == 3_000_000_000


def _indexed(source: str, sha256: str) -> documents.Indexed:
    return documents.Indexed(
        source=source, title=source.title(), sha256=sha256, bytes=3_000_000_000, chunks=2, groups=("sales",)
    )


async def test_many_documents_are_written_as_one_is(database: Database) -> None:
    first = await _add(database, "b.md", "old")
    await documents.mark(database, OWNER, first["id"], "failed", error="locked")
    await documents.upsert_all(database, OWNER, [_indexed("b.md", "new"), _indexed("a.md", "one")])
    await documents.upsert_all(database, OWNER, [])
    alone = await documents.upsert(database, OWNER, **_indexed("c.md", "two"))
    b, a = [await documents.by_source(database, OWNER, source) for source in ("b.md", "a.md")]
    assert a is not None
    assert b is not None
    own = {"id", "source", "title", "sha256", "created_at", "updated_at"}
    same = {name: value for name, value in alone.items() if name not in own}
    assert {name: a[name] for name in same} == {name: b[name] for name in same} == same
    assert (b["id"], b["created_at"], b["title"]) == (first["id"], first["created_at"], "B.Md")
    assert b["updated_at"] > first["updated_at"]
    assert await documents.digests(database, OWNER) == {"a.md": "one", "b.md": "new", "c.md": "two"}
    assert await documents.digests(database, STRANGER) == {}


async def test_one_document_that_cannot_be_written_leaves_none_of_its_company(database: Database) -> None:
    broken = _indexed("b.md", "b") | {"sha256": None}
    with pytest.raises(IntegrityError):
        await documents.upsert_all(database, OWNER, [_indexed("a.md", "a"), broken])
    assert await documents.digests(database, OWNER) == {}


async def test_a_document_that_failed_will_be_read_again(database: Database) -> None:
    made = await _add(database, "a.md")
    await documents.mark(database, OWNER, made["id"], "failed", error="locked")
    assert await documents.digests(database, OWNER) == {}
    shown = await documents.by_source(database, OWNER, "a.md")
    assert shown is not None
    assert (shown["status"], shown["error"], shown["chunks"]) == ("failed", "locked", 0)
    await documents.mark(database, OWNER, made["id"], "indexed", chunks=4)
    assert (await documents.get(database, OWNER, made["id"]))["chunks"] == 4
    assert [one["id"] for one in (await documents.listing(database, OWNER, status="failed"))["items"]] == []


async def test_people_see_the_documents_of_their_department(database: Database) -> None:
    odd = 'h"r%_ü'
    for source, groups in (("all", ()), ("sales", ("sales", "board")), ("odd", (odd,)), ("sal", ("sal",))):
        await _add(database, source, "a", *groups)

    async def seen(who: Identity) -> set[str]:
        return {one["source"] for one in (await documents.listing(database, who))["items"]}

    assert await seen(ANN) == {"all", "sales"}
    assert await seen(Identity("acme", "eve", odd)) == {"all", "odd"}
    assert await seen(Identity("acme", "eve")) == {"all"}
    assert await seen(OWNER) == {"all", "sales", "odd", "sal"}
    assert await seen(STRANGER) == set()
    secret = await documents.by_source(database, ANN, "odd")
    assert secret is not None
    with pytest.raises(Unknown):
        await documents.get(database, BOB, secret["id"])


async def test_removing_returns_what_it_was(database: Database) -> None:
    made = await _add(database, "a.md")
    with pytest.raises(Unknown):
        await documents.remove(database, STRANGER, made["id"])
    assert (await documents.remove(database, OWNER, made["id"]))["source"] == "a.md"
    with pytest.raises(Unknown):
        await documents.remove(database, OWNER, made["id"])


async def test_a_job_tells_how_far_it_is_and_what_it_came_to(database: Database) -> None:
    made = await jobs.create(database, ANN, ["a.md", "b.md"])
    await jobs.progress(database, ANN, made["id"], 1, 2, "b.md")
    shown = await jobs.get(database, OWNER, made["id"])
    assert (shown["status"], shown["done"], shown["total"], shown["current"]) == ("running", 1, 2, "b.md")
    ended = await jobs.finish(database, ANN, made["id"], "completed", {"chunks": 9})
    await jobs.progress(database, ANN, made["id"], 0, 2)
    again = await jobs.finish(database, ANN, made["id"], "failed", error="late")
    assert again == ended
    assert (ended["outcome"], ended["done"]) == ({"chunks": 9}, 2)
    for who in (BOB, STRANGER):
        with pytest.raises(Unknown):
            await jobs.get(database, who, made["id"])


async def test_the_jobs_of_a_dead_process_are_failed_and_no_others(database: Database) -> None:
    left, other = [await jobs.create(database, ANN, ["a.md"], owner=owner) for owner in ("w_dead", "w_other")]
    assert await jobs.owners(database) == {"w_dead", "w_other"}
    assert await jobs.abandon(database, ["w_dead"]) == 1
    assert await jobs.abandon(database, ["w_dead"]) == 0
    shown = await jobs.get(database, ANN, left["id"])
    assert shown["status"] == "failed"
    assert "Upload it again" in shown["error"]
    assert (await jobs.get(database, ANN, other["id"]))["status"] == "running"


async def test_a_job_that_has_ended_cannot_be_claimed(database: Database) -> None:
    left, ended = [await jobs.create(database, ANN, ["a.md"], owner="w_dead") for _ in range(2)]
    await jobs.finish(database, ANN, ended["id"], "failed", error="gone")
    assert await jobs.claim(database, [left["id"], ended["id"]], "w_new") == {left["id"]}
    assert await jobs.owners(database) == {"w_new"}
