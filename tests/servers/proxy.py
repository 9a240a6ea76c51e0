"""ollama-proxy-plus in front of llama.cpp's own HTTP server: Ollama's API as somebody else wrote it.

What it cannot judge: it counts words for tokens, always says `stop`, and knows no `num_ctx` or `truncate`.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from ports.gguf import server_for
from ports.weights import SMOLLM2, locate

CHAT, EMBED = "local/smollm2", "vectors/smollm2"


@contextmanager
def proxy() -> Iterator[str]:
    """Run the proxy over a chat and an embedding model and give its URL."""
    chat: Any = server_for(locate(SMOLLM2), n_ctx=2048, slots=2, n_threads=1)
    vectors: Any = server_for(locate(SMOLLM2), n_ctx=512, slots=1, n_threads=1, embed=True)
    port = free_port()
    env = {
        **os.environ,
        "PROVIDERS_LOCAL_BASE_URL": f"{chat.listening_address}/v1",
        "PROVIDERS_VECTORS_BASE_URL": f"{vectors.listening_address}/v1",
        "EXTRA_MODELS": f"{CHAT},{EMBED}",
    }
    command = [sys.executable, "-m", "ollama_proxy", "serve", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until_up(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until_up(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Return once the server answers: it offers no other sign than its port."""
    for _ in range(600):
        assert process.poll() is None, "ollama-proxy-plus ended at once"
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("ollama-proxy-plus did not start within 30 s")
