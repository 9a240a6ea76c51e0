"""Captions of films and calls (WebVTT, SubRip): what was said, by whom, under the minute in which it was said."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NamedTuple

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.outline import Outline, stem_of

TIMES: Final = re.compile(
    r"[ \t]*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})[ \t]+-->[ \t]+((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})"
)
VOICE: Final = re.compile(r"<v(?:\.[\w.-]+)?[ \t]+([^>]+)>")
TAG: Final = re.compile(r"</?(?:c|i|b|u|ruby|rt|v|lang|font)\b[^>]*>|<\d[\d:.]*>|\{\\[^}]*\}", re.I)
SPAN: Final = 60.0
"""Seconds that stand under one time."""


class Cue(NamedTuple):
    """What was shown at one time."""

    start: float
    """Seconds."""
    text: str


def load_captions(text: str, source: str) -> Document:
    """Return the document; the heading of a section is the time at which it begins."""
    outline, since = Outline(), -SPAN
    lines: list[str] = []
    for cue in cues(text):
        if cue.start >= since + SPAN or cue.start < since:
            outline.block("\n".join(lines))
            lines, since = [], cue.start
            outline.label(1, clock(cue.start))
        if lines[-1:] != [cue.text]:  # a line that stays on the screen is repeated in the next cue
            lines.append(cue.text)
    outline.block("\n".join(lines))
    if not outline.parts:
        raise UnreadableDocument(
            f"{source} holds no captions: it has no line such as 00:01.000 --> 00:04.000."
        )
    return outline.document(source, stem_of(source))


def cues(text: str) -> Iterator[Cue]:
    """Yield the cues that hold text, in order."""
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")):
        rows = block.strip("\n").split("\n")
        at = next((number for number, row in enumerate(rows) if TIMES.match(row)), None)
        found = TIMES.match(rows[at]) if at is not None else None
        if at is None or found is None:
            continue
        said = [spoken(row) for row in rows[at + 1 :]]
        if words := " ".join(row for row in said if row):
            yield Cue(seconds(found[1]), words)


def spoken(row: str) -> str:
    """Return a line without its markup, with its speaker before it."""
    named = VOICE.sub(lambda found: f"{found[1].strip()}: ", row)
    return " ".join(unescape(TAG.sub("", named)).split())


def seconds(stamp: str) -> float:
    """Return the seconds of `01:02:03.004`."""
    total = 0.0
    for part in stamp.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total


def clock(at: float) -> str:
    """Return hours, minutes and seconds."""
    whole = int(at)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
