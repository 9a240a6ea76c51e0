"""The same answers on servers: PostgreSQL and Redis by URL in place of SQLite and the embedded Valkey."""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from redis import Redis

from tests.servers.postgres import require_postgres
from tests.servers.redis import require_redis
from tests.servers.runtime import Runtime, named, running, text_of

QUESTION = "How many days of annual leave do full-time staff have?"
CHECKPOINTS = "SELECT count(*) FROM checkpoints"


@pytest.fixture(scope="module")
def on_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    name = f"stack_{secrets.token_hex(4)}"
    postgres, redis = require_postgres(), require_redis()
    url = postgres.create(name)
    folder = tmp_path_factory.mktemp("stack")
    with running(folder, database_url=SecretStr(url), redis_url=SecretStr(redis.url)) as found:
        yield found
    postgres.drop(name)


def test_an_answer_streams_replays_and_is_stored_on_servers(on_servers: Runtime):
    conversation = on_servers.conversation()
    found = on_servers.ask(QUESTION, conversation)
    assert "26 days" in text_of(found)
    stored = on_servers.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]
    assert stored[1]["content"] == text_of(found) == named(found, "done")[0]["text"]
    assert on_servers.replay(named(found, "run")[0]["run_id"], found[2].id) == found[3:]


def test_nothing_embedded_is_started_beside_the_servers(on_servers: Runtime):
    on_servers.ask(QUESTION)
    folder = on_servers.settings.data_dir
    assert not (folder / "valkey").exists()
    assert not list(folder.glob("*.sqlite"))


def test_health_names_the_servers(on_servers: Runtime):
    health = on_servers.http.get("/health").json()["dependencies"]
    assert health["database"]["detail"] == "PostgreSQL at a URL"
    assert health["log"]["detail"] == "Redis at a URL"


def test_the_log_is_on_the_server(on_servers: Runtime):
    run_id = named(on_servers.ask(QUESTION), "run")[0]["run_id"]
    with Redis.from_url(require_redis().url) as client:
        assert client.exists(f"sb:local:run:{run_id}:log") == 1


def until_none(count: Callable[[], Any]) -> None:
    """Wait for the next sweep, which deletes what nobody goes on from."""
    end = time.monotonic() + 20
    while count() != (0,):
        assert time.monotonic() < end, f"{count()} checkpoints are left"
        time.sleep(0.1)


def test_a_finished_run_leaves_no_checkpoint_on_postgres(on_servers: Runtime):
    on_servers.ask(QUESTION)
    url = on_servers.settings.database_url
    assert url is not None
    with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
        until_none(lambda: connection.execute(CHECKPOINTS).fetchone())


def test_a_finished_run_leaves_no_checkpoint_on_sqlite(runtime: Runtime):
    runtime.ask(QUESTION)
    path = Path(runtime.settings.data_dir) / "checkpoints.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        until_none(lambda: connection.execute(CHECKPOINTS).fetchone())
