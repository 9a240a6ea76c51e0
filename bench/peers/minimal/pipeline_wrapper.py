"""The least pipeline that answers: one component, one call of the model. For hayhooks."""
# pyright: reportMissingImports=false, reportUntypedBaseClass=false
# It is run in the peer's own environment, whose packages are not here.

import os
from collections.abc import AsyncGenerator
from typing import Any

from hayhooks import BasePipelineWrapper, async_streaming_generator, get_last_user_message
from haystack import Pipeline
from haystack.dataclasses import ChatMessage
from haystack_integrations.components.generators.ollama import OllamaChatGenerator


class PipelineWrapper(BasePipelineWrapper):
    """What hayhooks serves."""

    def setup(self) -> None:
        """Make the pipeline."""
        self.pipeline = Pipeline()
        self.pipeline.add_component(
            "llm", OllamaChatGenerator(model="stub:latest", url=os.environ["BENCH_STUB_URL"])
        )

    async def run_chat_completion_async(
        self, model: str, messages: list[dict[str, Any]], body: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """Stream the answer."""
        asked = [ChatMessage.from_user(get_last_user_message(messages))]
        return async_streaming_generator(
            pipeline=self.pipeline, pipeline_run_args={"llm": {"messages": asked}}
        )
