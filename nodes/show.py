"""How an answer's text reaches clients who may have a part of it already."""

from typing import Final

from contracts.context import Context

ANEW: Final = "The answer was broken off and starts anew."


async def show(context: Context, text: str) -> None:
    """Bring clients to this very text: send what they lack, or tell them to drop what does not fit."""
    if not text.startswith(context.progress.shown):
        drop(context)
    if rest := text[len(context.progress.shown) :]:
        await context.emit(rest)
    context.progress.shown = text


def drop(context: Context) -> None:
    """Tell clients to drop what they have of the answer."""
    context.restart(ANEW)
    context.progress.shown = ""
