"""Ollama's REST API over the embedded model and real HTTP: what the tests reach where Ollama is not installed.

It keeps Ollama's manners, the bad ones too: a prompt over the context loses its front unless `truncate` is
false, an answer of several lines ends with `done`, an unknown model is a 404.
"""

import contextlib
import functools
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import uvicorn
from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import convert_to_messages
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ports.gguf import server_for
from ports.llama import LlamaChat

STAMP = "2026-01-01T00:00:00.000000Z"
ARGUMENTS = {
    "num_predict": "max_tokens",
    "temperature": "temperature",
    "seed": "seed",
    "top_k": "top_k",
    "top_p": "top_p",
}


class Refused(Exception):
    """An answer that is not one."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Ollama:
    """The routes, over one chat model and, loaded when first asked, one for embeddings."""

    def __init__(self, model: LlamaChat) -> None:
        self.model = model
        self.bodies: list[dict[str, Any]] = []
        """What was asked of /api/chat, oldest first."""

    @functools.cached_property
    def embedder(self) -> Any:
        return server_for(self.model.path, n_ctx=512, slots=1, n_threads=1, embed=True)

    async def chat(self, request: Request) -> Response:
        body = self.known(await request.json())
        self.bodies.append(body)
        messages = self.fitted(convert_to_messages(body["messages"]), body)
        return await self.answered(messages, body, lambda text: {"message": {"role": "assistant", **text}})

    async def generate(self, request: Request) -> Response:
        body = self.known(await request.json())
        system = [{"role": "system", "content": body["system"]}] if body.get("system") else []
        messages = convert_to_messages([*system, {"role": "user", "content": body["prompt"]}])
        return await self.answered(
            self.fitted(messages, body), body, lambda text: {"response": text["content"]}
        )

    def known(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("model") != self.model.model_name:
            raise Refused(404, f"model '{body.get('model')}' not found")
        return body

    def fitted(self, messages: list[BaseMessage], body: dict[str, Any]) -> list[BaseMessage]:
        """Return the messages as the model will read them: Ollama keeps the last one and drops from the front."""
        limit = min(body.get("options", {}).get("num_ctx", 4096), self.model.n_ctx)
        while (tokens := self.model.count_tokens(messages)) >= limit:
            if body.get("truncate") is False or len(messages) == 1:
                raise Refused(400, f"prompt is too long: {tokens} tokens exceed the context of {limit}")
            messages = messages[1:]
        return messages

    async def answered(self, messages: list[BaseMessage], body: dict[str, Any], said: Any) -> Response:
        parts = self.parts(messages, body, said)
        if body.get("stream", True):
            return StreamingResponse(
                (json.dumps(p) + "\n" async for p in parts), media_type="application/x-ndjson"
            )
        found = [part async for part in parts]
        text = "".join(
            part["message"]["content"] if "message" in part else part["response"] for part in found
        )
        calls = [c for part in found for c in part.get("message", {}).get("tool_calls", ())]
        return JSONResponse(
            {**found[-1], **said({"content": text, **({"tool_calls": calls} if calls else {})})}
        )

    async def parts(
        self, messages: list[BaseMessage], body: dict[str, Any], said: Any
    ) -> AsyncIterator[dict[str, Any]]:
        options, began = body.get("options") or {}, time.monotonic_ns()
        arguments = {to: options[name] for name, to in ARGUMENTS.items() if name in options}
        asked = {key: body[key] for key in ("format", "tools") if body.get(key)}
        head = {"model": body["model"], "created_at": STAMP}
        whole = None
        chunks: Any = self.model.astream(messages, stop=options.get("stop"), **arguments, **asked)
        async with aclosing(chunks):
            async for chunk in chunks:
                whole = chunk if whole is None else whole + chunk
                if chunk.text:
                    yield {**head, **said({"content": chunk.text}), "done": False}
        assert whole is not None
        calls = [{"function": {"name": c["name"], "arguments": c["args"]}} for c in whole.tool_calls]
        spent = time.monotonic_ns() - began
        yield {
            **head,
            **said({"content": "", **({"tool_calls": calls} if calls else {})}),
            "done": True,
            "done_reason": whole.response_metadata["done_reason"],
            "total_duration": spent,
            "load_duration": 0,
            "prompt_eval_count": whole.usage_metadata["input_tokens"],
            "prompt_eval_duration": spent,
            "eval_count": whole.usage_metadata["output_tokens"],
            "eval_duration": spent,
        }

    async def embed(self, request: Request) -> Response:
        body = self.known(await request.json())
        text = body.get("input", body.get("prompt"))
        found = self.embedder.handle_embeddings({"input": [text] if isinstance(text, str) else text})
        if "error" in found:
            raise Refused(400, f"the input length exceeds the context length: {found['error']['message']}")
        vectors = [row["embedding"] for row in found["data"]]
        if "prompt" in body:
            return JSONResponse({"embedding": vectors[0]})
        return JSONResponse({"model": body["model"], "embeddings": vectors, "total_duration": 1})

    async def tags(self, request: Request) -> Response:
        name, size = self.model.model_name, self.model.path.stat().st_size
        details = {"format": "gguf", "family": "llama", "parameter_size": "135M"}
        entry = {
            "name": name,
            "model": name,
            "size": size,
            "digest": "0",
            "modified_at": STAMP,
            "details": details,
        }
        return JSONResponse({"models": [entry]})

    async def show(self, request: Request) -> Response:
        self.known(await request.json())
        info = {"general.architecture": "llama", "llama.context_length": self.model.n_ctx}
        return JSONResponse(
            {"details": {"family": "llama"}, "model_info": info, "capabilities": ["completion"]}
        )

    async def pull(self, request: Request) -> Response:
        if self.known(await request.json()).get("stream") is False:
            return JSONResponse({"status": "success"})
        return Response(
            '{"status":"pulling manifest"}\n{"status":"success"}\n', media_type="application/x-ndjson"
        )

    async def version(self, request: Request) -> Response:
        return JSONResponse({"version": "0.13.0"})

    def app(self) -> Starlette:
        posts = {"chat": self.chat, "generate": self.generate, "embed": self.embed, "embeddings": self.embed}
        posts |= {"show": self.show, "pull": self.pull}
        gets = {"tags": self.tags, "ps": self.tags, "version": self.version}
        routes = [Route(f"/api/{path}", route, methods=["POST"]) for path, route in posts.items()]
        routes += [Route(f"/api/{path}", route, methods=["GET"]) for path, route in gets.items()]
        return Starlette(routes=routes, exception_handlers={Refused: refuse})


async def refuse(_: Request, refused: Exception) -> Response:
    status = refused.status if isinstance(refused, Refused) else 500
    return JSONResponse({"error": str(refused)}, status)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI app from a thread on a free port of 127.0.0.1 and give its URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    started, startup = threading.Event(), server.startup

    async def tell(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = tell
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@contextlib.contextmanager
def ollama(model: LlamaChat) -> Iterator[tuple[str, Ollama]]:
    """Serve Ollama's API over the model; gives the URL and the routes with what was asked of them."""
    routes = Ollama(model)
    with serving(routes.app()) as url:
        yield url, routes
