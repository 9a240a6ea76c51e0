"""Small talk by the small model of this process, held to what is sensible.

The nearest act (models/replies.py) is found by meaning and by spelling; the model then writes the reply under a
grammar of that act's sentences, with the agent's name, persona and two titles of documents in its prompt.
Left free, the 135M model is sensible half of the time and states facts (docs/models.md); held so, it cannot.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final, NamedTuple, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk

from models.acts import Acts
from models.replies import Act
from models.streaming import Streaming, last, piece

NAME: Final = "smalltalk"
LONGEST: Final = 40
"""Tokens of a reply."""
HEARD: Final = 300
"""Characters of the message, and of the instructions, that the model reads: each 100 take it 0.1 s."""
PATIENCE: Final = 2.0
"""Seconds until the first token; then the first fitting sentences are said without the model."""
_INTRODUCED: Final = re.compile(r"\b(?:[Ii] am|[Ii]'m|[Mm]y name is|[Tt]his is)\s+([A-Z][^\W\d_]{1,19})\b")
_TITLE: Final = re.compile(r"[^\W\d_][\w &'-]{2,31}")


class About(NamedTuple):
    """Who speaks, and from what."""

    name: str
    """The agent's."""
    titles: Callable[[], Awaitable[Sequence[str]]]
    """Reads the titles of the documents that the asker may read."""


async def _none() -> Sequence[str]:
    return ()


NOBODY: Final = About("Switchboard", _none)


class SmallTalk(Streaming):
    """Replies to small talk; it states nothing that a document says. Usage counts the model's tokens."""

    acts: Acts
    writer: BaseChatModel
    """Takes `grammar`, a GBNF, and `max_tokens`."""
    patience: float = PATIENCE

    @property
    def _llm_type(self) -> str:
        return NAME

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        about: About = NOBODY,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        said = messages[-1].text[:HEARD]
        act, cue = await self.acts.nearest(said)
        openers, closers = sentences(act, said, about.name, await about.titles())
        prompt = [*_system(messages), *_example(act, cue, openers, closers), HumanMessage(said)]
        answer = self.writer.astream(
            prompt, grammar=grammar_for(openers, closers), max_tokens=LONGEST, temperature=0.0
        )
        async with aclosing(cast("AsyncGenerator[AIMessageChunk]", answer)) as chunks:
            try:
                async with asyncio.timeout(self.patience):
                    chunk = await anext(chunks)
            except TimeoutError:
                reply = said_of(openers[cue % len(openers)], closers[0])
                yield piece(reply)
                yield last("", reply)
                return
            text = chunk.text
            yield ChatGenerationChunk(message=chunk)
            async for chunk in chunks:
                text += chunk.text
                if chunk.chunk_position == "last" and (rest := missing(text, openers, closers)):
                    yield piece(rest)
                yield ChatGenerationChunk(message=chunk)


def sentences(act: Act, said: str, name: str, titles: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the openers and closers whose gaps can be filled: those alone that name titles or the asker, if any do."""
    named = _INTRODUCED.search(said)
    fit = [title for title in titles if _TITLE.fullmatch(title)][:2]
    gaps = {"name": name, "who": named[1] if named else "", "titles": " and ".join(f'"{t}"' for t in fit)}

    def filled(parts: tuple[str, ...]) -> list[str]:
        able = [part for part in parts if all(gaps[gap] for gap in re.findall(r"{(\w+)}", part))]
        own = [part for part in able if "{titles}" in part or "{who}" in part]
        return [part.format(**gaps) for part in own or able]

    return filled(act.openers), filled(act.closers)


def said_of(opener: str, closer: str) -> str:
    """Return the reply that the two make."""
    return f"{opener} {closer}".strip()


def missing(text: str, openers: Sequence[str], closers: Sequence[str]) -> str:
    """Return what a reply still needs that the model had to end at its last token; "" where it is whole."""
    replies = [said_of(opener, closer) for opener in openers for closer in closers]
    if text in replies:
        return ""
    return next((reply[len(text) :] for reply in replies if reply.startswith(text)), "")


def grammar_for(openers: Sequence[str], closers: Sequence[str]) -> str:
    """Return the GBNF of every opener with every closer."""

    def either(texts: Sequence[str]) -> str:
        return " | ".join(json.dumps(text, ensure_ascii=False) for text in texts)

    return f"root ::= open close\nopen ::= {either(openers)}\nclose ::= {either([c and ' ' + c for c in closers])}"


def _system(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the agent's instructions, if any; earlier turns stay out, for they may hold facts."""
    return [SystemMessage(message.text[:HEARD]) for message in messages[:1] if message.type == "system"]


def _example(act: Act, cue: int, openers: list[str], closers: list[str]) -> list[BaseMessage]:
    """Return the cue and a reply to it as an earlier turn; nothing for what is like no cue."""
    if not act.cues:
        return []
    reply = said_of(openers[cue % len(openers)], closers[cue % len(closers)])
    return [HumanMessage(act.cues[cue]), AIMessage(reply)]
