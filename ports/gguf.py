"""Weights in a GGUF file, the native server over them, and what goes in and out of it.

The engine reads a prompt 16 tokens at a time: larger batches are hardly faster on one core (docs/models.md) and
would delay a cancel for longer. Its HTTP listener is needed to count tokens; a random key shuts out others.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import xllamacpp
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from contracts.errors import DamagedWeights, ModelUnavailable, TooLong

_engine: Any = xllamacpp  # a compiled module without stubs

BATCH: Final = 16
"""Prompt tokens between two chances to cancel."""

Piece = dict[str, Any]
"""One `chat.completion.chunk` of the engine, or `{"error": …}`."""


def verify(path: Path, sha256: str) -> None:
    """Raise DamagedWeights unless the file is there and has this sha256; an empty one is not compared."""
    if not path.is_file():
        raise DamagedWeights(f"The weights {path.name} are not there. Check the path in the settings.")
    if not sha256:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256.lower():
        raise DamagedWeights(
            f"The weights {path.name} have sha256 {found}, expected {sha256.lower()}. Fetch the file again."
        )


def server_for(
    path: Path, *, n_ctx: int, slots: int, n_threads: int, key: str = "", embed: bool = False
) -> Any:
    """Load the file and return its `xllamacpp.Server`; `n_ctx` tokens for each of the slots.

    With `embed` it serves embeddings (mean pooling) and nothing else.
    """
    params = _engine.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel = n_ctx * slots, slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = n_threads
    params.n_batch = params.n_ubatch = n_ctx if embed else BATCH
    params.api_keys = [key] if key else []
    params.n_threads_http, params.cache_ram_mib, params.verbosity = 2, 0, 0
    params.ui = params.warmup = params.fit_params = params.endpoint_slots = False
    if embed:
        params.embedding = True
        params.pooling_type = _engine.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    try:
        return _engine.Server(params)
    except RuntimeError as failure:
        raise DamagedWeights(f"The weights {path.name} cannot be loaded: {failure}.") from failure


def request_for(messages: Sequence[BaseMessage], stop: list[str] | None, options: Piece) -> Piece:
    """Return the streamed request; `format` is "json" or a JSON schema, as ChatOllama takes it."""
    request: Piece = {
        "messages": convert_to_openai_messages(list(messages)),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        **options,
    }
    if stop:
        request["stop"] = stop
    match request.pop("format", None):
        case "json":
            request["response_format"] = {"type": "json_object"}
        case dict() as schema:
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema},
            }
        case _:
            pass
    return request


def to_chunk(piece: Piece, model: str) -> ChatGenerationChunk | None:
    """Return the chunk of a piece, or None where it carries nothing; the last one has the usage.

    Raises TooLong for a prompt over the context, ModelUnavailable for the engine's other errors.
    """
    if failure := piece.get("error"):
        raise failed(failure, model)
    if usage := piece.get("usage"):
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                usage_metadata=UsageMetadata(
                    input_tokens=usage["prompt_tokens"],
                    output_tokens=usage["completion_tokens"],
                    total_tokens=usage["total_tokens"],
                ),
                chunk_position="last",
            )
        )
    for choice in piece.get("choices", ()):
        if reason := choice.get("finish_reason"):
            info = {"done_reason": reason, "model_name": model}
            return ChatGenerationChunk(message=AIMessageChunk(content=""), generation_info=info)
        delta = choice["delta"]
        calls = [to_call(call) for call in delta.get("tool_calls") or ()]
        if calls or delta.get("content"):
            message = AIMessageChunk(content=delta.get("content") or "", tool_call_chunks=calls)
            return ChatGenerationChunk(message=message)
    return None


def to_call(call: Piece) -> ToolCallChunk:
    """Return the part of a tool call that a delta carries."""
    function = call.get("function", {})
    return tool_call_chunk(
        name=function.get("name"), args=function.get("arguments"), id=call.get("id"), index=call.get("index")
    )


def failed(failure: Piece, model: str) -> TooLong | ModelUnavailable:
    """Return the error of ours for one of the engine's."""
    if failure.get("type") == "exceed_context_size_error":
        return TooLong(
            f"The prompt has {failure['n_prompt_tokens']} tokens, more than the {failure['n_ctx']} that "
            f"{model} can read. Shorten it, or configure a larger context."
        )
    return ModelUnavailable(f"The model {model} failed: {failure.get('message', 'no reason given')}.")
