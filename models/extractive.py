"""The answerer without a language model: the sentences that answer, verbatim, in reading order.

It invents nothing, which no small model can promise, and it answers in milliseconds. Question and passages
come beside the last message (`additional_kwargs`), where models that read prompts do not look. Its usage counts
words: of the question and its passages as the prompt holds them, and of the answer.
"""

from collections.abc import AsyncIterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from contracts.context import Reader
from contracts.state import Passage
from models.streaming import Streaming, last, piece

NAME = "extractive"
SENTENCES = 3
NOTHING = "There is nothing about this in the documents."


class Extractive(Streaming):
    """Answers with the best supported sentences of the passages."""

    reader: Any
    """A contracts.context.Reader; pydantic cannot check a Protocol."""

    @property
    def _llm_type(self) -> str:
        return NAME

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        given = messages[-1].additional_kwargs
        reader: Reader = self.reader
        found = await reader.extract(given.get("question", ""), given.get("passages", []), SENTENCES)
        answer = ""
        for n, (sentence, passage) in enumerate(found):
            before = joint(found[n - 1], (sentence, passage)) if n else ""
            for part in pieces(before + sentence):
                answer += part
                yield piece(part)
        if not found:
            answer = NOTHING
            yield piece(NOTHING)
        yield last(messages[-1].text, answer)


def joint(before: tuple[str, Passage], after: tuple[str, Passage]) -> str:
    """Return what stands between two parts: a blank in running text, else what Markdown needs."""
    if before[0].startswith("- ") and after[0].startswith("- "):
        return "\n"
    blocks = any("\n" in part or part.startswith(("- ", "| ")) for part, _ in (before, after))
    return "\n\n" if blocks or before[1]["id"] != after[1]["id"] else " "


def pieces(text: str, words: int = 8) -> list[str]:
    """Cut a sentence at blanks into pieces of some words, whose concatenation is the sentence."""
    parts = text.split(" ")
    groups = [" ".join(parts[start : start + words]) for start in range(0, len(parts), words)]
    return [group + " " for group in groups[:-1]] + groups[-1:]
