"""`switchboard reembed` as people run it: killed and run again, beside a server, and where the old model is gone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.documents import Chunk
from contracts.errors import EmbeddingMismatch
from graph.wiring import open_wiring
from ingest.reembed import main
from ports.edge import EdgeClient
from ports.settings import Settings
from retrievers.canonical import CanonicalAnswers
from retrievers.collection import Collection
from retrievers.contents import Content
from retrievers.sparse import document_vector
from tests.servers.embedder import MODEL, SIZE, Embedder, embedder
from tests.servers.runtime import running

MINILM = "all-MiniLM-L6-v2-int8"
SOURCES = 150
ROOT = Path(__file__).parents[2]
QUESTION = "How many days of annual leave do full-time employees have?"


@pytest.fixture
def model() -> Iterator[tuple[str, Embedder]]:
    with embedder(window=90) as found:
        yield found


async def fill(
    folder: Path, name: str = "passages", embedding: str = MINILM, words: int = 5, sources: int = SOURCES
) -> None:
    """Write an index as it was before aliases: a collection of the very name."""
    client = EdgeClient(folder / "qdrant")
    collection = Collection(client, name, embedding, 384)
    await collection.ensure()
    await CanonicalAnswers(client, f"{name}_canonical", None, embedding, 384).ensure()  # type: ignore[arg-type]
    rows = np.random.default_rng(5).normal(size=(sources, 384)).astype(np.float32)
    contents: list[Content] = []
    for number, row in enumerate(rows):
        text = " ".join(f"word{number}" for _ in range(words))
        chunk = Chunk(f"{number}.md", "Title", text, 0, len(text))
        contents.append(Content(chunk.source, "v1", [chunk], [row], [document_vector(text)], [""]))
    await collection.replace_all("local", contents)
    await client.close()


async def held(folder: Path) -> dict[str, tuple[str, int]]:
    """Return the text and the vector's length by source, of what the name stands for."""
    client = EdgeClient(folder / "qdrant")
    records, _ = await client.scroll("passages", limit=1000, with_vectors=True)
    names = [one.name for one in (await client.get_collections()).collections]
    await client.close()
    assert len(names) == 2, names
    return {one.payload["source"]: (one.payload["text"], len(one.vector["dense"])) for one in records}  # type: ignore[index]


def command(folder: Path, url: str) -> "subprocess.Popen[str]":
    chosen = {"SWITCHBOARD_DATA_DIR": str(folder), "SWITCHBOARD_OLLAMA_URLS": url, "SWITCHBOARD_THREADS": "1"}
    program = [sys.executable, "-m", "switchboard", "reembed", "--model", MODEL, "--json"]
    return subprocess.Popen(
        program, cwd=ROOT, env=os.environ | chosen, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


async def test_a_killed_change_leaves_the_old_index_and_the_next_run_goes_on_where_it_was(
    folder: Path, model: tuple[str, Embedder]
) -> None:
    url, texts = model
    await fill(folder)
    texts.hold(1 + 64)  # the length of a vector is asked for, then one batch of chunks
    run_until_held_and_kill(folder, texts, url)

    assert {size for _, size in (await unchanged(folder)).values()} == {384}
    texts.release()
    with command(folder, url) as again:
        out, err = again.communicate(timeout=100)

    assert again.returncode == 0, err
    found = json.loads(out)
    assert (found["chunks"], found["embedded"], found["switched"]) == (SOURCES, SOURCES - 64, True)
    assert await held(folder) == {
        f"{number}.md": (" ".join([f"word{number}"] * 5), SIZE) for number in range(SOURCES)
    }


def run_until_held_and_kill(folder: Path, texts: Embedder, url: str) -> None:
    with command(folder, url) as first:
        assert texts.reached.wait(60)
        os.kill(first.pid, signal.SIGKILL)


async def unchanged(folder: Path) -> dict[str, tuple[str, int]]:
    client = EdgeClient(folder / "qdrant")
    records, _ = await client.scroll("passages", limit=1000, with_vectors=True)
    await client.close()
    return {one.payload["source"]: ("", len(one.vector["dense"])) for one in records}  # type: ignore[index]


async def test_a_chunk_that_is_too_long_for_the_new_model_is_cut_and_nothing_of_it_is_lost(
    folder: Path,
    model: tuple[str, Embedder],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await fill(folder, words=100, sources=9)
    settings = Settings(data_dir=folder, ollama_urls=(model[0],), threads=1)
    from graph.reembed import Reembedding, Wish
    from ingest.renew import renew
    from ports.open import open_ports
    from retrievers.cache import AnswerCache

    async with open_ports(settings) as ports:
        work = Reembedding(ports, AnswerCache(ports.redis, settings.cache_ttl), renew, grace=0)
        found = await work.run(Wish(MODEL), lambda *_: None)
        records, _ = await ports.vectors.scroll("passages", limit=1000)
        again = await work.run(Wish(MODEL), lambda *_: None)

    texts: dict[str, list[tuple[int, str]]] = {}
    for one in records:
        texts.setdefault(one.payload["source"], []).append((one.payload["start"], one.payload["text"]))
    assert {source: " ".join(text for _, text in sorted(parts)) for source, parts in texts.items()} == {
        f"{number}.md": " ".join([f"word{number}"] * 100) for number in range(9)
    }
    assert (found.split, found.embedded, len(records)) == (9, 9, 18)
    assert again.switched is False


async def test_an_index_whose_model_is_gone_is_refused_with_the_command_that_changes_it(folder: Path) -> None:
    await fill(folder, embedding="nomic-embed-text:latest")

    with pytest.raises(EmbeddingMismatch) as refused:
        async with open_wiring(Settings(data_dir=folder, threads=1)):
            pass

    said = refused.value.message
    assert "made with nomic-embed-text:latest (384 dimensions)" in said
    assert "Run `switchboard reembed`" in said
    assert "set SWITCHBOARD_MODEL_EMBEDDING=nomic-embed-text:latest" in said


async def test_an_index_from_before_aliases_is_taken_as_it_is_and_its_name_becomes_an_alias_at_the_change(
    folder: Path, model: tuple[str, Embedder]
) -> None:
    await fill(folder)
    settings = Settings(data_dir=folder, ollama_urls=(model[0],), model_embedding=MODEL, threads=1)

    async with open_wiring(settings) as wiring:
        before = (wiring.collection.name, await wiring.collection.count("local"))
        advice = wiring.indexes.advice
    with command(folder, model[0]) as changing:
        _, err = changing.communicate(timeout=100)
    assert changing.returncode == 0, err
    async with open_wiring(settings) as wiring:
        after = (wiring.collection.name, await wiring.collection.count("local"), wiring.indexes.advice)
        aliases = {one.alias_name for one in (await wiring.ports.vectors.get_aliases()).aliases}

    assert before == ("passages", SOURCES)
    assert advice.startswith(f"The index was made with {MINILM}, which answers until it is changed")
    assert after == (f"passages--words-{SIZE}--1", SOURCES, "")
    assert aliases == {"passages", "passages_canonical"}


async def test_an_empty_index_takes_the_configured_model_at_once(
    folder: Path, model: tuple[str, Embedder]
) -> None:
    async with open_wiring(Settings(data_dir=folder, threads=1)):
        pass

    settings = Settings(data_dir=folder, ollama_urls=(model[0],), model_embedding=MODEL, threads=1)
    async with open_wiring(settings) as wiring:
        assert (wiring.indexes.now.embedding, wiring.indexes.advice) == (MODEL, "")


def test_the_running_server_changes_its_model_without_a_restart(
    folder: Path,
    model: tuple[str, Embedder],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SWITCHBOARD_DATA_DIR", str(folder))
    monkeypatch.setattr("graph.reembed.GRACE_S", 0.0)
    with running(folder, sample=None, ollama_urls=(model[0],), threads=1) as runtime:
        runtime.upload("leave.md", b"# Leave\n\nFull-time employees have 26 days of annual leave.\n")
        assert runtime.http.get("/index/model").status_code == 403  # no operator
        asked = model[1].embedded

        code = main(["--model", MODEL, "--json"])

        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        health = runtime.http.get("/health").json()["dependencies"]
        passages = runtime.http.post("/search", json={"query": QUESTION}).json()["passages"]
    assert code == 0
    assert (found["before"], found["model"], found["switched"]) == (MINILM, MODEL, True)
    assert found["embedded"] == found["chunks"] == 1
    assert model[1].embedded > asked
    assert f"embedded by {MODEL}" in health["index"]["detail"]
    assert (health["index"]["state"], health["embedder"]["detail"]) == (
        "degraded",
        f"{MODEL}, {SIZE} dimensions",
    )
    assert passages[0]["source"] == "leave.md"


def test_a_model_that_nobody_has_is_refused_before_anything_is_made(
    folder: Path,
    model: tuple[str, Embedder],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SWITCHBOARD_DATA_DIR", str(folder))
    assert main(["--model", MODEL]) == 2
    assert "There is no index 'passages' yet" in capsys.readouterr().err
