"""A corpus in an index of its own: nothing is done twice, nothing is kept that no longer holds."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document as Hit

from contracts.documents import Chunk, Document, Section
from contracts.errors import ModelUnavailable
from evals.bootstrap import Estimate
from evals.indexing import BATCH, Ingest, embedded_settings, fingerprint, open_indexed, probes
from evals.result import bars_for
from evals.retrieval import above_parts, best_of_each
from ingest.embed import embed
from ingest.split import split
from switchboard import indexer_for

INGEST = Ingest(split, embed, indexer_for)


def document(name: str, text: str = "A few words.") -> Document:
    return Document(name, "Title", f"{name}: {text}", (Section(0, len(name) + 2 + len(text)),))


class Counting:
    """The ingest's embed, which fails once it was called `calls` times."""

    def __init__(self, calls: int = 1_000) -> None:
        self.calls = calls
        self.documents = 0

    def __call__(self, texts: Sequence[list[Chunk]], encoder: Any) -> Sequence[Any]:
        if not self.calls:
            raise ModelUnavailable("The embedder went away.")
        self.calls -= 1
        self.documents += len(texts)
        return embed(texts, encoder)


async def count(documents: list[Document], ingest: Ingest, cache: Path) -> tuple[int, list[str]]:
    """Return the chunks of the index and what was said about it."""
    said: list[str] = []
    async with open_indexed(documents, ingest, cache, lambda *_: None, said.append) as wiring:
        return await wiring.collection.count("eval"), said


async def test_an_indexing_that_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    documents = [document(f"d{number}") for number in range(2 * BATCH + 5)]
    failing, whole = Counting(calls=3), Counting()  # one call names the index, two are batches
    with pytest.raises(ModelUnavailable, match="went away"):
        await count(documents, replace(INGEST, embed=failing), tmp_path)

    chunks, said = await count(documents, replace(INGEST, embed=whole), tmp_path)

    assert chunks == len(documents)
    assert "made now" in said[0]
    assert whole.documents - len(probes(documents)) == 5  # in the same folder, else all of them


async def test_a_finished_index_is_not_made_again(tmp_path: Path) -> None:
    documents, counting = [document("a"), document("b")], Counting()
    await count(documents, replace(INGEST, embed=counting), tmp_path)
    made = counting.documents

    chunks, said = await count(documents, replace(INGEST, embed=counting), tmp_path)

    assert chunks == 2
    assert "kept from an earlier run" in said[0]
    assert counting.documents - made == 2  # to find its name, and no more


async def test_an_index_is_named_by_its_texts_and_by_what_the_code_makes_of_them() -> None:
    def other(texts: Sequence[list[Chunk]], encoder: Any) -> Sequence[Any]:
        return embed([[replace(chunk, title="") for chunk in chunks] for chunks in texts], encoder)

    documents = [document("a"), document("b")]
    names = [
        await asyncio.to_thread(fingerprint, *each)
        for each in (
            (documents, INGEST),
            (documents, INGEST),
            ([document("a"), document("c")], INGEST),
            (documents, replace(INGEST, embed=other)),
        )
    ]

    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_servers_with_real_data_are_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "QDRANT_URL", "DATABASE_URL"):
        monkeypatch.setenv(f"SWITCHBOARD_{name}", "http://production.example")

    settings = embedded_settings(tmp_path)

    assert (settings.redis_url, settings.qdrant_url, settings.database_url) == (None, None, None)
    assert settings.data_dir == tmp_path


def test_a_document_counts_once_at_its_best_chunk() -> None:
    hits = [Hit(page_content=text, metadata={"source": source}) for text, source in ("1a", "2b", "3a", "4c")]

    assert [hit.page_content for hit in best_of_each(hits)] == ["1", "2", "4"]


def test_hybrid_must_be_above_each_of_its_parts() -> None:
    bars = above_parts({"hybrid": [1.0, 0.5], "dense": [0.5, 0.5], "bm25": [1.0, 0.5]})

    assert [bar.passed for bar in bars] == [True, False]
    assert "hybrid is +0.250" in bars[0].sentence


def test_a_figure_on_its_bar_passes() -> None:
    figures = {"auroc": Estimate(0.85, 0.8, 0.9), "ndcg@10": Estimate(0.89, 0.8, 0.95)}

    bars = bars_for(figures, {"auroc": 0.85, "ndcg@10": 0.90})

    assert [bar.passed for bar in bars] == [True, False]
