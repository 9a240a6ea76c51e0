"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if TYPE_CHECKING:
    from tests.servers.runtime import Runtime


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Runtime]":
    """One embedded server with the sample handbook, for all tests that leave nothing behind."""
    from tests.servers.runtime import running  # here: a broken import stops these tests, not all

    with running(tmp_path_factory.mktemp("runtime")) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "data"
