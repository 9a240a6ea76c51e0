"""One server in a process of its own and one stub model for all tests that leave both alive."""

from collections.abc import Iterator

import pytest

from tests.tcp.model import Model, serving_model
from tests.tcp.process import Process, process


@pytest.fixture(scope="session")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def model(the_model: Model) -> Model:
    """The model, as if nobody had used it before."""
    the_model.reset()
    return the_model


@pytest.fixture(scope="session")
def server(the_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with process(tmp_path_factory.mktemp("tcp") / "data", the_model) as server:
        server.always_answer()
        yield server
