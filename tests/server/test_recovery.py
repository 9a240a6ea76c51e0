"""What a client may read again after the server was restarted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.runtime import named, running, text_of
from tests.tcp.model import Model, serving_model, settings_for


@pytest.fixture(scope="module")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def model(the_model: Model) -> Model:
    the_model.reset()
    return the_model


def test_an_answer_is_replayed_whole_after_a_restart(model: Model, folder: Path):
    model.reset(tokens=30)
    with running(folder, None, **settings_for(model)) as server:
        server.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        whole = server.ask("Count, and remember.")
    with running(folder, None, **settings_for(model)) as server:
        assert server.replay(named(whole, "run")[0]["run_id"]) == whole
        half = len(whole) // 2
        assert server.replay(named(whole, "run")[0]["run_id"], whole[half].id) == whole[half + 1 :]
    assert text_of(whole) == model.text()
    assert len(model.asked) == 1
