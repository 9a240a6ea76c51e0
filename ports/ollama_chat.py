"""Chat models on an Ollama host: ChatOllama, streamed without what LangChain puts between.

Per-request `options` would replace `num_ctx`, which makes Ollama load the model anew: it stays what it was set to.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Final, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, BaseMessage, ToolCall, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import RunnableConfig
from langchain_ollama import ChatOllama

from ports.ollama_client import StrictClient

EMPTY: Final = AIMessageChunk(content="")


class OllamaChat(ChatOllama):
    """ChatOllama for asyncio alone, with `max_tokens` as other models have it and a fixed `num_ctx`."""

    def _chat_params(
        self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        options = dict(kwargs.pop("options", None) or {})
        for argument, option in (
            ("max_tokens", "num_predict"),
            ("temperature", "temperature"),
            ("seed", "seed"),
        ):
            if argument in kwargs:
                options[option] = kwargs.pop(argument)
        params = super()._chat_params(messages, stop, **kwargs)
        params["options"] = {**params["options"], **options, "num_ctx": self.num_ctx}
        for message, sent in zip(messages, params["messages"], strict=True):
            if isinstance(message, ToolMessage) and message.name:
                sent["tool_name"] = message.name  # Ollama's templates know a result by its tool, not by an id
        return params

    async def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, *, stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:  # fmt: skip
        """Stream text and tool calls straight from the host; with callbacks or reasoning as ChatOllama does.

        LangChain's run manager and its chunks cost as much again as reading the line.
        """
        if config or not isinstance(input, list) or "reasoning" in kwargs or self.reasoning:
            async for chunk in super().astream(input, config, stop=stop, **kwargs):
                yield chunk
            return
        params = self._chat_params(cast("list[BaseMessage]", input), stop, **kwargs)
        async with aclosing(cast(StrictClient, self._async_client).stream_chat(params)) as parts:
            async for part in parts:
                yield to_chunk(part)

    def _create_chat_stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        raise NotImplementedError("OllamaChat is for asyncio: use ainvoke or astream.")


def to_chunk(part: Mapping[str, Any]) -> AIMessageChunk:
    """Return the chunk of one line of an answer; the last one has the counts and why it ended."""
    said = part.get("message") or {}
    text, asked = said.get("content") or "", said.get("tool_calls")
    if not part.get("done") and not asked:
        return _saying(text)
    calls = [to_call(call, n) for n, call in enumerate(asked or ())]
    if not part.get("done"):
        return AIMessageChunk(content=text, tool_calls=calls)
    read, wrote = part.get("prompt_eval_count") or 0, part.get("eval_count") or 0
    return AIMessageChunk(
        content=text,
        tool_calls=calls,
        response_metadata={key: value for key, value in part.items() if key != "message"},
        usage_metadata=UsageMetadata(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote),
        chunk_position="last",
    )


def _saying(text: str) -> AIMessageChunk:
    """Return a chunk that says this and nothing else: 1.5 µs; a copy by pydantic takes 3, one that it checks 9."""
    made = AIMessageChunk.__new__(AIMessageChunk)
    object.__setattr__(made, "__dict__", {**EMPTY.__dict__, "content": text})
    object.__setattr__(made, "__pydantic_fields_set__", {"content"})
    object.__setattr__(made, "__pydantic_extra__", EMPTY.__pydantic_extra__)
    object.__setattr__(made, "__pydantic_private__", EMPTY.__pydantic_private__)
    return made


def to_call(call: Mapping[str, Any], n: int) -> ToolCall:
    """Return a call as LangChain has it; arguments that are no object are none."""
    asked = call.get("function") or {}
    arguments = asked.get("arguments")
    return ToolCall(
        name=str(asked.get("name", "")),
        args=arguments if isinstance(arguments, dict) else {},
        id=str(call.get("id") or n),
        type="tool_call",
    )
