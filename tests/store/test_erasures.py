"""What a deleted document leaves behind is due until it is erased, on both databases."""

from sqlalchemy import update

from store import documents, editions, erasures, jobs
from store.engine import Database
from store.ids import now
from store.tables import erasures as table
from store.tables import jobs as jobs_table
from tests.store.places import ANN, OWNER

HOUR_S = 3600.0
LONG_AGO = "2020-01-01T00:00:00.000000Z"


async def _deleted(database: Database, source: str) -> None:
    await documents.upsert(database, OWNER, source, title="", sha256="one", bytes=1)
    assert await editions.retire(database, OWNER.tenant, "c1.1", [source]) == 1


async def _aged(database: Database) -> None:
    await database.write(lambda connection: connection.execute(update(table).values(at=LONG_AGO)))


async def _again(database: Database, source: str) -> None:
    row = documents.Indexed(source=source, title="", sha256="two", bytes=1, chunks=1, groups=())
    await editions.begin(database, OWNER.tenant, "c1.2", {source: "two"})
    await editions.commit(database, OWNER.tenant, "c1.2", [row])


async def test_an_erasure_that_was_cut_off_is_due_for_ever_and_one_that_was_done_for_an_hour(
    database: Database,
) -> None:
    await _deleted(database, "a.md")
    await _deleted(database, "b.md")
    await erasures.done(database, OWNER.tenant, ["b.md"], now())
    assert await erasures.due(database) == {OWNER.tenant: ["a.md", "b.md"]}
    await erasures.forget(database, HOUR_S, now())
    assert await erasures.due(database) == {OWNER.tenant: ["a.md", "b.md"]}
    await _aged(database)
    await erasures.forget(database, HOUR_S, now())
    assert await erasures.due(database) == {OWNER.tenant: ["a.md"]}
    await erasures.done(database, OWNER.tenant, ["a.md"], now())
    await erasures.forget(database, HOUR_S, now())
    assert await erasures.due(database) == {}


async def test_what_was_not_erased_is_still_due_when_the_document_is_added_again(database: Database) -> None:
    await _deleted(database, "a.md")
    await _deleted(database, "b.md")
    await erasures.done(database, OWNER.tenant, ["b.md"], now())
    await _again(database, "a.md")
    await _again(database, "b.md")
    assert await erasures.due(database) == {OWNER.tenant: ["a.md"]}


async def test_a_document_deleted_anew_while_it_is_erased_is_still_due(database: Database) -> None:
    began = now()
    await _deleted(database, "a.md")
    await erasures.done(database, OWNER.tenant, ["a.md"], began)
    await _aged(database)
    await erasures.forget(database, HOUR_S, now())
    assert await erasures.due(database) == {OWNER.tenant: ["a.md"]}


async def test_only_what_is_older_than_the_document_that_is_back_is_erased(database: Database) -> None:
    old = await jobs.create(database, ANN, ["a.md"])
    await jobs.finish(database, ANN, old["id"], "failed", error="a.md says 12,000")
    await _deleted(database, "a.md")
    await _again(database, "a.md")
    new = await jobs.create(database, ANN, ["a.md"])
    await jobs.finish(database, ANN, new["id"], "failed", error="a.md says 13,000")
    assert (await erasures.redact(database, OWNER.tenant, ["a.md"])).jobs == [old["id"]]
    assert [(await jobs.get(database, ANN, one["id"]))["error"] for one in (old, new)] == [
        "",
        "a.md says 13,000",
    ]


async def test_a_job_of_many_pages_loses_what_it_says_of_the_deleted_one_when_it_has_ended(
    database: Database,
) -> None:
    job = await jobs.create(database, ANN, ["https://example.org/sitemap.xml"])
    gone, kept = {"source": "https://example.org/a"}, {"source": "https://example.org/b"}
    await _deleted(database, gone["source"])
    began = now()
    assert (await erasures.redact(database, OWNER.tenant, [gone["source"]])).jobs == []
    await erasures.done(database, OWNER.tenant, [gone["source"]], now())
    await erasures.forget(database, 0.0, began)
    assert await erasures.due(database) == {OWNER.tenant: [gone["source"]]}
    notes = [gone | {"note": "x"}, kept | {"note": "y"}]
    said = {"chunks": 2, "failures": [gone | {"error": "no"}], "notes": notes}
    await jobs.finish(database, ANN, job["id"], "completed", said)
    await erasures.forget(database, 0.0, began)  # it has ended after the last look
    assert await erasures.due(database) == {OWNER.tenant: [gone["source"]]}
    began = now()
    assert (await erasures.redact(database, OWNER.tenant, [gone["source"]])).jobs == [job["id"]]
    outcome = {"chunks": 2, "failures": [], "notes": [kept | {"note": "y"}]}
    assert (await jobs.get(database, ANN, job["id"]))["outcome"] == outcome
    await database.write(
        lambda connection: connection.execute(update(jobs_table).values(updated_at=LONG_AGO))
    )
    await erasures.forget(database, 0.0, began)
    assert await erasures.due(database) == {}
