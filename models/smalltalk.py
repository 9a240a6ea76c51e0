"""Small talk without a language model: the reply whose cue is nearest in meaning to what was said.

The 135M model that fits into a package was tried first: with instructions or with examples it replied sensibly
to 5 of 13 greetings ("bye" brought "I'm sorry for your loss"). A larger model on a host takes over from this.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from numpy.typing import NDArray
from pydantic import PrivateAttr

NAME: Final = "smalltalk"
HELLO: Final = "Hello! What would you like to know?"
ABOUT: Final = (
    "I answer questions from the documents here and show where each answer stands. "
    "Where they do not answer, I say so, and I can pass your question on to a person."
)
WELCOME: Final = "You are welcome. Is there anything else that I can look up for you?"
REPLIES: Final = (
    ("hello", HELLO),
    ("hi there, good morning", HELLO),
    ("how are you?", "I am well, thank you. What can I look up for you?"),
    ("thanks", WELCOME),
    ("thank you very much, that helps", WELCOME),
    ("great, you are awesome", WELCOME),
    ("ok, cool", "Good. Ask me whenever something else comes up."),
    ("bye", "Goodbye, and come back whenever you have a question."),
    ("have a nice day, see you later", "Thank you, and you too!"),
    ("who are you? what can you do?", ABOUT),
    ("are you a robot? are you human?", f"I am a program, not a person. {ABOUT}"),
    ("tell me a joke", "I am better at documents than at jokes. What can I look up for you?"),
    ("nice to meet you, my name is Tom", "Nice to meet you too! What would you like to know?"),
    ("you are useless, this is bad", "I am sorry about that. Tell me what you were looking for, or ask for a person."),
)  # fmt: skip


class SmallTalk(BaseChatModel):
    """Replies to small talk; it states nothing about any document."""

    embeddings: Embeddings
    _cues: NDArray[np.float32] | None = PrivateAttr(None)

    @property
    def _llm_type(self) -> str:
        return NAME

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("Small talk only streams: use astream.")

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        said = messages[-1].text
        reply = await self._nearest(said)
        yield ChatGenerationChunk(message=AIMessageChunk(content=reply))
        read, wrote = len(said.split()), len(reply.split())
        usage = UsageMetadata(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote)
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", usage_metadata=usage, chunk_position="last")
        )

    async def _nearest(self, said: str) -> str:
        if self._cues is None:
            rows = await self.embeddings.aembed_documents([cue for cue, _ in REPLIES])
            self._cues = np.asarray(rows, np.float32)
        vector = np.asarray(await self.embeddings.aembed_query(said[:500]), np.float32)
        return REPLIES[int((self._cues @ vector).argmax())][1]
