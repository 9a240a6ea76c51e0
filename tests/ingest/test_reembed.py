"""The embedding model changes under readers and writers: nothing is lost, mixed or refused meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models

from contracts.agents import AgentConfig
from contracts.identity import LOCAL
from graph.reembed import Change, Reembedding, Wish
from graph.wiring import Wiring, open_wiring
from ingest.parts import parts_over
from ingest.renew import renew
from ingest.sync import sync
from ports.settings import Settings
from retrievers import alias
from switchboard import indexer_for
from tests.servers.embedder import MODEL, SIZE, Embedder, embedder
from tests.servers.qdrant import qdrant

MINILM = "all-MiniLM-L6-v2-int8"
PAGES = {
    "leave.md": "# Leave\n\nEmployees have 26 days of annual leave.\n\n## Sick\n\nCall before nine when you are ill.\n",
    "badge.md": "# Badge\n\nA lost badge is blocked by the front desk at once.\n",
    "travel.md": "# Travel\n\nTrains are booked in second class.\n",
}
QUESTION = "How many days of annual leave do employees have?"


@pytest.fixture
def model() -> Iterator[tuple[str, Embedder]]:
    with embedder() as found:
        yield found


@pytest.fixture(params=["edge", "server"])
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, model: tuple[str, Embedder]
) -> Iterator[Settings]:
    """The embedded index, and one behind HTTP."""
    chosen: dict[str, Any] = {"data_dir": tmp_path / "data", "ollama_urls": (model[0],), "threads": 1}
    if request.param == "edge":
        yield Settings(**chosen)
        return
    with qdrant(tmp_path / "server") as url:
        yield Settings(**chosen, qdrant_url=url)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[str]:
    """A Qdrant server for several processes."""
    with qdrant(tmp_path / "server") as url:
        yield url


def write(folder: Path, pages: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text)


async def ingest(wiring: Wiring, folder: Path, pages: dict[str, str]) -> None:
    write(folder, pages)
    report = await indexer_for(wiring)(
        [(folder / name, name) for name in pages], LOCAL.tenant, [], lambda *_: None
    )
    assert report["failures"] == []


@asynccontextmanager
async def filled(settings: Settings, tmp_path: Path) -> AsyncGenerator[Wiring]:
    async with open_wiring(settings) as wiring:
        await ingest(wiring, tmp_path / "pages", PAGES)
        yield wiring


async def change(wiring: Wiring, tell: Any = lambda *_: None, **wish: Any) -> Change:
    work = Reembedding(wiring.ports, wiring.cache, renew, grace=0)
    return await work.run(Wish(**({"model": MODEL} | wish)), tell, wiring.indexes.look)


async def points(wiring: Wiring, name: str) -> dict[str, dict[str, Any]]:
    records, _ = await wiring.ports.vectors.scroll(name, limit=1000, with_vectors=True)
    return {str(one.id): {"payload": one.payload, "vector": one.vector} for one in records}


def plain(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {id: {k: v for k, v in one["payload"].items() if k != "tokens"} for id, one in found.items()}


async def asked(wiring: Wiring, question: str = QUESTION) -> str:
    found = await wiring.retriever(LOCAL, AgentConfig(name="a")).ainvoke(question)
    return found[0].page_content if found else ""


async def test_a_change_of_model_keeps_every_point_and_gives_it_the_new_vectors(
    settings: Settings, tmp_path: Path
) -> None:
    async with filled(settings, tmp_path) as wiring:
        old = wiring.collection.name
        before = await points(wiring, old)
        late = wiring.retriever(LOCAL, AgentConfig(name="a"))

        found = await change(wiring)

        new = wiring.collection.name
        after = await points(wiring, new)
        assert plain(after) == plain(before)
        assert {len(one["vector"]["dense"]) for one in after.values()} == {SIZE}
        assert [one["payload"]["tokens"] for one in after.values()] == [
            one["payload"]["tokens"] for one in before.values()
        ]
        assert (old, new) == ("passages--all-minilm-l6-v2-int8-384--1", f"passages--words-{SIZE}--2")
        assert (found.before, found.model, found.chunks, found.embedded) == (MINILM, MODEL, 4, 4)
        assert await alias.target_of(wiring.ports.vectors, "passages") == new
        assert sorted(found.removed) == [
            "passages--all-minilm-l6-v2-int8-384--1",
            "passages_canonical--all-minilm-l6-v2-int8-384--1",
        ]
        assert "26 days" in (await late.ainvoke(QUESTION))[0].page_content  # its own collection has gone


async def test_the_next_start_answers_with_the_indexs_own_model_and_says_what_to_set(
    settings: Settings, tmp_path: Path
) -> None:
    async with filled(settings, tmp_path) as wiring:
        assert (await change(wiring)).setting == (
            f"Set SWITCHBOARD_MODEL_EMBEDDING={MODEL} so that the settings name the model in use."
        )

    async with open_wiring(settings) as wiring:
        assert wiring.indexes.now.embedding == MODEL
        assert f"set SWITCHBOARD_MODEL_EMBEDDING={MODEL}" in wiring.indexes.advice
        assert "26 days" in await asked(wiring)
        assert (await change(wiring)).switched is False


async def test_approved_answers_are_found_with_the_new_model_and_remembered_ones_are_dropped(
    settings: Settings, tmp_path: Path
) -> None:
    async with filled(settings, tmp_path) as wiring:
        await wiring.canonical.add_canonical(
            LOCAL.tenant,
            "default",
            QUESTION,
            "Twenty-six.",
            approved_by="ada",
            approved_at="2026-01-01T00:00:00",
        )
        version, _ = await wiring.cache.find(LOCAL.tenant, "default", [], QUESTION)

        found = await change(wiring)

        recalled = await wiring.canonical.find(LOCAL.tenant, "default", QUESTION)
        assert recalled is not None
        assert recalled["text"] == "Twenty-six."
        assert found.answers == 1
        assert (await wiring.cache.find(LOCAL.tenant, "default", [], QUESTION))[0] > version


async def test_what_is_ingested_meanwhile_is_in_the_new_index_and_a_reader_is_answered_throughout(
    settings: Settings, tmp_path: Path, model: tuple[str, Embedder]
) -> None:
    async with filled(settings, tmp_path) as wiring:
        early = wiring.collection
        answers: list[str] = []

        async def read() -> None:
            while True:
                answers.append(await asked(wiring))
                await asyncio.sleep(0)

        reader = asyncio.create_task(read())
        model[1].hold(2)  # the vectors' length is asked for, then the first batch waits
        changing = asyncio.create_task(change(wiring))
        await asyncio.to_thread(model[1].reached.wait, 20)
        await ingest(
            wiring,
            tmp_path / "pages",
            {"badge.md": "# Badge\n\nBadges are silver now.\n", "new.md": "# New\n\nA new page.\n"},
        )
        await wiring.collection.delete(LOCAL.tenant, "travel.md")
        model[1].release()
        await changing
        reader.cancel()
        await asyncio.wait([reader])

        assert reader.cancelled()
        assert {"26 days" in answer for answer in answers} == {True}
        held = await points(wiring, wiring.collection.name)
        assert {(one["payload"]["source"], len(one["vector"]["dense"])) for one in held.values()} == {
            ("leave.md", SIZE), ("badge.md", SIZE), ("new.md", SIZE),
        }  # fmt: skip
        assert "Badges are silver now." in {one["payload"]["text"] for one in held.values()}
        assert await early.client.collection_exists(early.name) is False


async def test_what_is_written_after_the_last_comparison_is_in_the_new_index_too(
    settings: Settings, tmp_path: Path
) -> None:
    async with filled(settings, tmp_path) as wiring:

        class Late(Reembedding):
            async def _switch(self, *given: Any) -> None:
                await wiring.collection.delete(LOCAL.tenant, "travel.md")
                await ingest(wiring, tmp_path / "pages", {"badge.md": "# Badge\n\nBadges are silver now.\n"})
                await super()._switch(*given)

        work = Late(wiring.ports, wiring.cache, renew, grace=0)
        await work.run(Wish(MODEL), lambda *_: None, wiring.indexes.look)

        held = await points(wiring, wiring.collection.name)
        assert {one["payload"]["source"] for one in held.values()} == {"leave.md", "badge.md"}
        assert "Badges are silver now." in {one["payload"]["text"] for one in held.values()}


async def test_a_write_with_the_old_models_vectors_comes_after_the_switch_with_new_ones(
    settings: Settings, tmp_path: Path
) -> None:
    async with filled(settings, tmp_path) as wiring:
        early = wiring.collection
        records, _ = await wiring.ports.vectors.scroll("passages", with_vectors=True)
        record = next(one for one in records if one.payload["source"] == "leave.md")
        await change(wiring)

        payload = {**record.payload, "text": "Written late."}
        late = models.PointStruct(id=record.id, vector=record.vector, payload=payload)
        await early.client.upsert(early.name, [late])
        await early.delete(LOCAL.tenant, "badge.md")

        held = await points(wiring, wiring.collection.name)
        assert held[str(late.id)]["payload"]["text"] == "Written late."
        assert len(held[str(late.id)]["vector"]["dense"]) == SIZE
        assert "badge.md" not in {one["payload"]["source"] for one in held.values()}


async def test_an_ingest_that_began_before_the_switch_ends_in_the_new_index(
    settings: Settings, tmp_path: Path
) -> None:
    async with filled(settings, tmp_path) as wiring:
        early = parts_over(wiring, workers=1)
        await change(wiring)
        write(tmp_path / "pages", {"new.md": "# New\n\nA new page.\n"})

        report = await sync([str(tmp_path / "pages" / "new.md")], LOCAL.tenant, early)

        held = await points(wiring, wiring.collection.name)
        assert report.failures == []
        assert {len(one["vector"]["dense"]) for one in held.values()} == {SIZE}
        assert "A new page." in {one["payload"]["text"] for one in held.values()}


async def test_another_server_goes_over_to_the_new_model(
    tmp_path: Path, model: tuple[str, Embedder], shared: str
) -> None:
    chosen: dict[str, Any] = {"ollama_urls": (model[0],), "threads": 1, "qdrant_url": shared}
    one, two = (Settings(data_dir=tmp_path / name, **chosen) for name in ("one", "two"))
    async with filled(one, tmp_path) as first, open_wiring(two) as second:
        await change(first)

        await second.indexes.look()

        assert second.indexes.now.embedding == MODEL
        assert second.collection.name == first.collection.name
        assert "26 days" in await asked(second)


async def test_changing_back_to_a_kept_collection_costs_only_what_differs(
    settings: Settings, tmp_path: Path
) -> None:
    async with filled(settings, tmp_path) as wiring:
        there = await change(wiring, keep=True)
        await ingest(wiring, tmp_path / "pages", {"new.md": "# New\n\nA new page.\n"})

        back = await change(wiring, model=MINILM)

        assert (there.removed, there.embedded) == ([], 4)
        assert (back.switched, back.chunks, back.embedded) == (True, 5, 1)
        assert wiring.collection.name == "passages--all-minilm-l6-v2-int8-384--1"
        assert "26 days" in await asked(wiring)
