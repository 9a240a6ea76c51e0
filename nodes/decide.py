"""Chooses one of the six ways to respond.

The order is the policy: what the person asked for comes first, then whether the question is clear, then
whether the passages answer it, then whether there is room to answer now.
"""

import re
from collections import Counter
from typing import Final, NotRequired, TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Decision, Passage, Path, Task, Turn
from nodes.words import asks, content_words, has_words, is_open

POLICY: Final = "plain-3"
"""Version of this policy, kept with every decision."""

OFF_TOPIC: Final = 0.30
"""Best cosine below which nothing in the knowledge base is even about the question."""

ASTRAY: Final = 0.15
"""Probability below which what is far from all passages is out of place; above it a sentence is near after all."""

RIVAL: Final = 0.60
"""A place whose score comes this near to the first's is a rival meaning of a bare topic."""

MOST: Final = 6
"""Options that are offered."""

HEADING: Final = 60
"""Characters of a line that may be a heading."""


DEFINING: Final = re.compile(r"what('?s| is| are| does)\b", re.IGNORECASE)
"""Asks what something is: a place with that very name is no rival meaning, but the answer."""


class Evidence(TypedDict):
    """The slice that decide reads."""

    question: str
    turns: NotRequired[list[Turn]]
    """Absent at the first question of a conversation."""
    standalone: str
    intent: str
    intent_score: float
    task: Task
    passages: NotRequired[list[Passage]]
    """Absent where nothing had to be looked up."""


class Choice(TypedDict):
    """The slice that decide writes."""

    decision: Decision
    options: list[str]
    approval: bool


async def decide(state: Evidence, runtime: Runtime[Context]) -> Choice:
    """Choose the path, with the probability that the passages answer the question."""
    context, passages = runtime.context, state.get("passages", [])
    sure = await context.reader.answerable(state["standalone"], passages)
    options = rivals(state["standalone"], passages)
    path, reason = choose(state, sure, options, context)
    confidence = state["intent_score"] if state["task"] == "smalltalk" else sure
    approval = path == "auto_answer" and needs_approval(
        state["task"], confidence, context.agent.approve_below
    )
    if approval:
        path, reason = "queue", "a person looks at this answer first"
    decision: Decision = {
        "path": path,
        "confidence": round(min(max(confidence, 0.0), 1.0), 4),
        "intent": state["intent"],
        "task": state["task"],
        "reason": reason,
    }
    return {"decision": decision, "options": options if path == "clarify" else [], "approval": approval}


def needs_approval(task: Task, confidence: float, below: float) -> bool:
    """Tell whether a person sees the answer first: one less probable than the bar, all of them at 1."""
    return task != "smalltalk" and (confidence < below or below == 1)


def choose(state: Evidence, sure: float, options: list[str], context: Context) -> tuple[Path, str]:
    """Return the path and the reason for it, in words."""
    if state["intent"] == "person":
        return "escalate", "you asked for a person"
    if state["task"] == "smalltalk":
        return _room(context, "small talk needs no documents")
    bar = context.agent.confidence_threshold
    if bar > 0:
        if _is_figures(state["standalone"]):
            return "refuse", "there is no word in it to look up in the documents"
        if not state.get("turns") and is_open(state["question"]):
            return "clarify", "the question leaves open what it is about"
        if options:
            return "clarify", f"the question may mean {len(options)} different things"
        if sure < bar:
            return _short(state.get("passages", []), sure, bar)
    return _room(context, f"the passages answer it with probability {sure:.2f}; the bar is {bar:.2f}")


def _is_figures(text: str) -> bool:
    """Tell whether a message is about figures alone, such as a sum."""
    return not has_words(text) and any(character.isdigit() for character in text)


def _room(context: Context, reason: str) -> tuple[Path, str]:
    if context.queued:
        return "auto_answer", reason
    if context.desk.full():
        return "queue", "all places for answers are taken"
    return "auto_answer", reason


def _short(passages: list[Passage], sure: float, bar: float) -> tuple[Path, str]:
    if not passages:
        return "refuse", "there is no document about it"
    if sure < ASTRAY and max(passage["signals"].get("dense", 1.0) for passage in passages) < OFF_TOPIC:
        return "refuse", "it is outside of what the documents cover"
    return "escalate", f"the passages answer it with probability {sure:.2f}, below the bar of {bar:.2f}"


def rivals(question: str, passages: list[Passage]) -> list[str]:
    """Return what a bare topic such as "leave?" may mean: the headings that compete for it, best first.

    A topic of three content words or more, a question of two, or one that finds a single place, has no rivals.
    """
    words = content_words(question)
    if (
        not words
        or len(words) > (1 if asks(question) else 2)
        or len(question.split()) > 4
        or len(passages) < 2
    ):
        return []
    if DEFINING.match(question) and " ".join(words) in {label.lower() for label in _names(passages[0])}:
        return []
    top = passages[0]["score"]
    near = [passage for passage in passages if passage["score"] >= RIVAL * top]
    labels: dict[str, int] = {}
    of_source: Counter[str] = Counter()
    for passage in near:
        if label := _label(passage, words):
            labels.setdefault(label, of_source[passage["source"]])
            of_source[passage["source"]] += 1
    options = sorted(labels, key=lambda label: labels[label])  # each document once before one is named twice
    return options[:MOST] if len(options) >= 2 else []


def _names(passage: Passage) -> list[str]:
    return [passage["title"], *passage["headings"]]


def _label(passage: Passage, words: list[str]) -> str:
    """Return the place by a heading that a person can choose; "" where it says nothing of the topic."""
    title = passage["title"].rpartition("/")[2]
    said = " ".join((title, *passage["headings"], passage["text"])).lower()
    if not any(word[: max(4, len(word) - 2)] in said for word in words):
        return ""
    heading = passage["headings"][-1] if passage["headings"] else _heading(passage["text"], words)
    if heading and heading != title:
        return f"{heading} ({title})" if title else heading
    return title


def _heading(text: str, words: list[str]) -> str:
    """Return the line of plain text that stands over the topic and names it; "" where none does."""
    for line in text.split("\n"):
        said = re.sub(r"^[\d.)\s]+", "", line).strip()
        names = any(word[: max(4, len(word) - 2)] in said.lower() for word in words)
        if names and len(said) <= HEADING and said[-1].isalnum() and ": " not in said and "  " not in said:
            return said.capitalize() if said.isupper() else said
    return ""
