"""How an answer's text reaches clients who may have a part of it already."""

import re
from typing import Final

from contracts.context import Context

ANEW: Final = "The answer was broken off and starts anew."


async def show(context: Context, text: str, words: int = 0) -> None:
    """Bring clients to this very text: send what they lack, or tell them to drop what does not fit.

    With `words` it is sent in pieces of so many.
    """
    if not text.startswith(context.progress.shown):
        drop(context)
    if rest := text[len(context.progress.shown) :]:
        for piece in pieces(rest, words) if words else [rest]:
            await context.emit(piece)
    context.progress.shown = text


def pieces(text: str, words: int) -> list[str]:
    """Cut a text at blanks into pieces of so many words, whose concatenation it is."""
    return re.findall(rf"\s*(?:\S+\s*){{1,{words}}}|\s+", text)


def drop(context: Context) -> None:
    """Tell clients to drop what they have of the answer."""
    context.restart(ANEW)
    context.progress.shown = ""
