"""How each peer is started and asked. Each has its defaults, but for what 100 streams at a time need."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.sse_text import of_completions, of_messages
from bench.tap import Asked

MINIMAL: Final = Path(__file__).with_name("minimal")
FIRST: Final = re.compile(rb'"content": ?"The"')
"""The answer's first token, as each of them frames it."""
KEY: Final = "sk-bench"
JSON: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer runs: its folder, its port, its model and its database."""

    folder: Path
    port: int
    stub: str
    database: str


@dataclass(frozen=True, slots=True)
class Peer:
    """One kind of server."""

    name: str
    command: Callable[[Place], list[str]]
    """The program, a path inside the environment's `bin`, and its arguments."""
    files: Callable[[Place], Mapping[str, str]]
    """What lies in its folder."""
    asked: Callable[[str, str], Asked]
    """A request from a thread's id and a question."""
    text: Callable[[bytes], str]
    """The answer's text from a response's body."""
    env: Callable[[Place], Mapping[str, str]] = lambda place: {}
    threads: bool = False
    """Each request goes to a thread that was made before."""
    sql: bool = False
    """It needs PostgreSQL."""
    notes: tuple[str, ...] = field(default=())


def graph_files(name: str) -> dict[str, str]:
    """Return the least graph with its configuration."""
    config = {"dependencies": ["."], "graphs": {"agent": "./graph.py:graph"}}
    return {"graph.py": (MINIMAL / "graph.py").read_text(), name: json.dumps(config)}


def litellm_config(place: Place) -> dict[str, str]:
    """Return the proxy's configuration: one model, one key. JSON is YAML."""
    model = {"model": "ollama_chat/stub:latest", "api_base": place.stub}
    config = {
        "model_list": [{"model_name": "stub", "litellm_params": model}],
        "general_settings": {"master_key": KEY},
    }
    return {"config.yaml": json.dumps(config)}


def run_of_thread(thread: str, question: str) -> Asked:
    """Return a run in a thread, its messages streamed."""
    body = _body(assistant_id="agent", stream_mode=["messages-tuple"], input={"messages": [_said(question)]})
    return Asked(f"/threads/{thread}/runs/stream", body, JSON)


def completion(model: str, **headers: str) -> Callable[[str, str], Asked]:
    """Return what makes a streamed chat completion."""

    def asked(_: str, question: str) -> Asked:
        return Asked(
            "/v1/chat/completions", _body(model=model, stream=True, messages=[_said(question)]), headers
        )

    return asked


def _said(question: str) -> dict[str, str]:
    return {"role": "user", "content": question}


def _body(**body: Any) -> bytes:
    return json.dumps(body).encode()


PEERS: Final = {
    peer.name: peer
    for peer in (
        Peer(
            "aegra",
            command=lambda at: [
                "python", "-m", "uvicorn", "aegra_api.main:app", "--host", "127.0.0.1", "--port", str(at.port),
                "--log-level", "warning",
            ],
            files=lambda at: graph_files("aegra.json"),
            env=lambda at: {
                "DATABASE_URL": at.database, "LOG_LEVEL": "WARNING", "SQLALCHEMY_POOL_SIZE": "40",
                "LANGGRAPH_MAX_POOL_SIZE": "40",
            },
            asked=run_of_thread,
            text=of_messages,
            threads=True,
            sql=True,
        ),
        Peer(
            "langgraph",
            command=lambda at: [
                "langgraph", "dev", "--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(at.port),
                "--n-jobs-per-worker", "200", "--server-log-level", "WARNING",
            ],
            files=lambda at: graph_files("langgraph.json"),
            env=lambda at: {"LANGSMITH_TRACING": "false"},
            asked=run_of_thread,
            text=of_messages,
            threads=True,
        ),
        Peer(
            "hayhooks",
            command=lambda at: [
                "hayhooks", "run", "--host", "127.0.0.1", "--port", str(at.port), "--pipelines-dir", "pipelines",
            ],
            files=lambda at: {
                "pipelines/chat/pipeline_wrapper.py": (MINIMAL / "pipeline_wrapper.py").read_text()
            },
            asked=completion("chat"),
            text=of_completions,
        ),
        Peer(
            "litellm",
            command=lambda at: ["litellm", "--host", "127.0.0.1", "--port", str(at.port), "--config", "config.yaml"],
            files=litellm_config,
            env=lambda at: {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"},
            asked=completion("stub", Authorization=f"Bearer {KEY}"),
            text=of_completions,
        ),
    )
}  # fmt: skip
