"""The index of `bench query`: real texts, each once, and a run that was stopped goes on."""

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import query_index
from bench.query import compare
from bench.query_index import LARGE, NAME, SMALL, chunks_of, contents_of, ensure_vectors, open_index
from ports.onnx import MiniLM
from ports.settings import Settings

ROWS = 120


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A corpus of which every second text is the same."""
    folder = tmp_path / "data" / "squad_xquad"
    folder.mkdir(parents=True)
    with gzip.open(folder / "corpus.jsonl.gz", "wt") as file:
        for number in range(2 * ROWS):
            text = f"Passage {number} tells of river {number * 7}." if number % 2 else "The same again."
            file.write(json.dumps({"_id": f"p{number}", "title": "Rivers", "text": text}) + "\n")
    return tmp_path / "data"


class Words:
    """An embedder that counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def encode(self, texts: Sequence[str]) -> Any:
        self.asked += len(texts)
        rows = np.stack([np.random.default_rng(len(text)).normal(size=384) for text in texts]).astype(
            np.float32
        )
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return type(
            "Encoded", (), {"dense": rows, "tokens": [np.repeat(row[None], 2, axis=0) for row in rows]}
        )


def nothing(*_: Any) -> None:
    pass


def test_no_text_comes_twice(data: Path) -> None:
    texts = [chunk.text for chunk in chunks_of(data, ROWS)]

    assert len(texts) == len(set(texts)) == ROWS


def test_a_stopped_run_embeds_only_what_is_missing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_index, "PART", 40)
    encoder: Any = Words()
    ensure_vectors(data, tmp_path / "vectors", 80, encoder, nothing)

    ensure_vectors(data, tmp_path / "vectors", 120, encoder, nothing)

    assert encoder.asked == 120
    positions: Counter[str] = Counter()
    files = [contents_of(tmp_path / "vectors" / f"0000{number}.npz", positions) for number in range(3)]
    assert sum(len(content.chunks) for part in files for content in part) == 120


async def test_every_asker_is_measured_on_an_index_with_tenants_and_departments(
    data: Path, tmp_path: Path
) -> None:
    encoder = MiniLM(Settings().models_dir, 1)
    ensure_vectors(data, tmp_path / "vectors", ROWS, encoder, nothing)
    client = await open_index(tmp_path / "index", tmp_path / "vectors", ROWS, nothing)
    records, _ = await client.scroll(NAME, limit=1000)

    found = await compare(client, encoder, [f"Which river is {number}?" for number in range(90)])
    await client.close()
    encoder.close()

    assert {one.payload["tenant"] for one in records if one.payload} == {LARGE, SMALL}
    assert found["chunks"] == ROWS
    assert {name: one["recall"] for name, one in found["askers"].items()} == dict.fromkeys(
        found["askers"], 1.0
    )
    assert all(one["with"]["p95_ms"] >= one["with"]["p50_ms"] > 0 for one in found["askers"].values())
