"""Where an answer goes on that clients have a part of: what of the model's new text they still lack.

Each kind has `said`, which is what clients have from before and keep, and gives the new text piece by piece:
`said` and all pieces together are the answer, and are what clients show.
"""

from collections.abc import Callable
from typing import Protocol

from langchain_core.messages import AIMessage, BaseMessage

from contracts.context import Context
from nodes.show import drop, show

JOINT = "\n\n"
"""Between what the model wrote before it called a tool and what it writes after."""


class Seam(Protocol):
    """Joins a model's text to what was said before."""

    said: str

    def take(self, text: str) -> str:
        """Return what to send for a piece of the model's text; empty where clients have it."""
        ...

    def rest(self) -> str:
        """Return what to send when the model has ended."""
        ...


class Anew:
    """A text that begins; `lead` comes before its first word."""

    def __init__(self, said: str = "", lead: str = "") -> None:
        self.said, self._lead = said, lead

    def take(self, text: str) -> str:
        """Return the piece, the first one without the blanks that the lead replaces."""
        if not self._lead:
            return text
        if text := text.lstrip():
            text, self._lead = self._lead + text, ""
        return text

    def rest(self) -> str:
        """Return nothing: a lead that nothing followed is not needed."""
        return ""


class Onward:
    """A text that goes on in mid-sentence, written by a model that was shown `said` without its last blanks."""

    def __init__(self, said: str) -> None:
        self.said = said
        self._tail = said[len(said.rstrip()) :]

    def take(self, text: str) -> str:
        """Return the piece without the blanks that were said: the model writes them again with its next word."""
        while self._tail and text:
            if text[0] != self._tail[0]:
                text = text.lstrip(" ") if self._tail.endswith("\n") else text
                self._tail = ""
            else:
                text, self._tail = text[1:], self._tail[1:]
        return text

    def rest(self) -> str:
        """Return nothing: all is said."""
        return ""


class Again:
    """A text that is written once more; as long as it is what was said, nobody needs to be told."""

    def __init__(self, said: str, before: str, drop: Callable[[], None]) -> None:
        self.said = said
        self._drop, self._heard, self._open = drop, before, True

    def take(self, text: str) -> str:
        """Return what goes beyond what was said; all of it, after a restart, where it is another text."""
        if not self._open:
            return text
        self._heard += text
        if self.said.startswith(self._heard):
            return ""
        return self._settle()

    def rest(self) -> str:
        """Return the whole text, after a restart, where it ended before what was said."""
        return self._settle() if self._open else ""

    def _settle(self) -> str:
        self._open = False
        if self._heard.startswith(self.said):
            return self._heard[len(self.said) :]
        self._drop()
        self.said = ""
        return self._heard


async def seam_for(context: Context, model: str, before: str, messages: list[BaseMessage]) -> Seam:
    """Return the way in which the model can go on from what clients have, and add it to the messages if need be.

    `before` is what it wrote before it last called a tool. Where it cannot go on, clients are told to drop the text.
    """
    lead = lead_of(before)
    whole = before + lead
    shown = context.progress.shown
    if not shown.startswith(whole) or len(shown) == len(whole):
        await show(context, before)
        return Anew(before, lead)
    said = shown[len(whole) :]
    if await context.chat.continues(model):
        if said.strip():
            messages.append(AIMessage(said.rstrip()))
        return Onward(shown)
    if await context.chat.repeats(model):
        return Again(shown, whole, lambda: drop(context))
    drop(context)
    await show(context, before)
    return Anew(before, lead)


def lead_of(before: str) -> str:
    """Return what comes between the text before a tool call and the text after it."""
    return JOINT if before.strip() and not before[-1].isspace() else ""
