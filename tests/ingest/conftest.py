"""Real parts for an ingest: Qdrant Edge, SQLite and worker processes; only the embedder is a quick stand-in."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.parts import Parts
from ports.qdrant import open_vectors
from retrievers.collection import Collection
from store.engine import engine_for
from store.migrate import upgrade

DATA = Path(os.environ.get("SWITCHBOARD_DATA", "../shared/data"))


@dataclass(frozen=True, slots=True)
class Encoded:
    dense: Any
    tokens: list[Any]


@dataclass(slots=True)
class WordEncoder:
    """Counts words as tokens and gives every text a vector of its own."""

    texts: list[str] = field(default_factory=list[str])
    """Everything that was embedded."""

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.texts.extend(texts)
        rows = np.stack([np.random.default_rng(len(text)).normal(size=384) for text in texts]).astype(
            np.float32
        )
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Encoded(rows, [np.repeat(row[None], 3, axis=0) for row in rows])

    def count_tokens(self, text: str) -> int:
        return len(text.split())


@dataclass(slots=True)
class Bumps:
    """Notes the tenants whose answers were dropped."""

    tenants: list[str] = field(default_factory=list[str])

    async def __call__(self, tenant: str) -> None:
        self.tenants.append(tenant)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and nothing in them: each test gets a copy, which takes no second."""
    path = tmp_path_factory.mktemp("migrated") / "empty.sqlite"

    async def make() -> None:
        database = engine_for(f"sqlite:///{path}")
        await upgrade(database)
        await database.dispose()

    asyncio.run(make())
    return path


@pytest.fixture
async def parts(tmp_path: Path, migrated: Path) -> AsyncIterator[Parts]:
    shutil.copy(migrated, tmp_path / "test.sqlite")
    database = engine_for(f"sqlite:///{tmp_path}/test.sqlite")
    async with open_vectors(None, None, tmp_path / "index") as client:
        collection = Collection(client, "passages", "words", 384)
        await collection.ensure()
        yield Parts(collection, WordEncoder(), database, Bumps(), workers=2, seconds=30)
    await database.dispose()
