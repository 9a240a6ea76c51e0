"""LangGraph's own suite for checkpointers over both of ours: without `SPARSE` they keep all that it promises."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from uuid import uuid4

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import CapabilityReport

from ports.checkpoints import open_checkpoints
from tests.servers.postgres import require_postgres

BASE = {"put", "put_writes", "get_tuple", "list", "delete_thread"}

Savers = AsyncGenerator[BaseCheckpointSaver[str]]


async def judge(name: str, savers: Callable[[], Savers]) -> CapabilityReport:
    """Hold a saver against the suite; it makes a new one for each capability."""
    return await validate(checkpointer_test(name=name)(savers))


def failures(report: CapabilityReport) -> list[str]:
    return [failure for result in report.results.values() for failure in result.failures or []]


async def test_the_checkpoints_of_sqlite_keep_what_langgraph_asks_of_a_checkpointer(tmp_path: Path):
    async def savers() -> Savers:
        folder = tmp_path / uuid4().hex
        folder.mkdir()
        async with open_checkpoints(None, folder) as saver:
            yield saver

    report = await judge("sqlite", savers)
    assert failures(report) == []
    assert {name for name, result in report.results.items() if result.passed} >= BASE


async def test_the_checkpoints_of_postgresql_keep_what_langgraph_asks_of_a_checkpointer(tmp_path: Path):
    server = require_postgres()

    async def savers() -> Savers:
        database = f"checkpoints_{uuid4().hex}"
        url = server.create(database)
        try:
            async with open_checkpoints(url, tmp_path) as saver:
                yield saver
        finally:
            server.drop(database)

    report = await judge("postgresql", savers)
    assert failures(report) == []
    assert {name for name, result in report.results.items() if result.passed} >= BASE
