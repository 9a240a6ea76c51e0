"""What the answerers of this process share: they only stream, and they count words where no tokenizer reads."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult


class Streaming(BaseChatModel):
    """A chat model of which a subclass writes `_astream` alone."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError(f"The model {self._llm_type} only streams: use astream.")


def piece(text: str) -> ChatGenerationChunk:
    """Return a part of the answer."""
    return ChatGenerationChunk(message=AIMessageChunk(content=text))


def last(read: str, wrote: str) -> ChatGenerationChunk:
    """Return the chunk that ends an answer no language model wrote: its usage counts words, in and out."""
    words = len(read.split()), len(wrote.split())
    usage = UsageMetadata(input_tokens=words[0], output_tokens=words[1], total_tokens=sum(words))
    return ChatGenerationChunk(
        message=AIMessageChunk(content="", usage_metadata=usage, chunk_position="last")
    )
