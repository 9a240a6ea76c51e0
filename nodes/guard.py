"""Stops a message before anything is read for it: the agent's blocked topics, and attempts to turn the agent.

Patterns are a plain first fence: they are few, each names one known form, and none fires on a question
about a safe thing. What a passage says is fenced elsewhere: it is only ever data in the prompt.
"""

import re
from typing import Final, NotRequired, TypedDict

from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Decision

TOPIC_SIMILARITY: Final = 0.55
"""Cosine of MiniLM from which a message counts as being about a blocked topic."""

INJECTION: Final = (
    re.compile(  # an order, not a question about who may override a rule
        r"(^|[.!?:;,\n\"'(]\s*|\b(please|now|then|and|must|should|just)\s+)"
        r"(ignore|disregard|forget|override|bypass)\b.{0,30}"
        r"\b(previous|prior|above|earlier|all|any|your|system)\b.{0,30}"
        r"\b(instruction|prompt|rule|guideline|direction|training)s?\b",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"\b(reveal|print|show|repeat|output|leak)\b.{0,30}\b(your|the)\b.{0,15}\b(system|hidden|initial)\b"
        r".{0,12}\b(prompt|instructions?|message)\b",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"\b(you are now|act as|pretend to be|from now on you are)\b.{0,60}"
        r"\b(dan|jailbroken|unrestricted|unfiltered|evil|without (any )?(rules|restrictions|filters|ethics))\b",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"\b(developer mode|jailbreak mode|god mode)\b.{0,30}\b(on|enabled|activated)\b", re.IGNORECASE
    ),
)
UNSAFE: Final = re.compile(
    r"\bhow (do i|can i|to|would (i|one))\b.{0,40}"
    r"\b((make|build|assemble) (a |an )?(pipe )?(bomb|explosive|nerve agent|bioweapon)"
    r"|(poison|murder|kidnap) (a |my |some)?(person|someone|wife|husband|boss|neighbou?r|child))\b",
    re.IGNORECASE | re.DOTALL,
)


class Message(TypedDict):
    """The slice that guard reads."""

    question: str


class Verdict(TypedDict):
    """The slice that guard writes."""

    blocked: str
    decision: NotRequired[Decision]
    """Made here for a message that is stopped; `decide` makes it for the others."""


async def guard(state: Message, runtime: Runtime[Context]) -> Verdict:
    """Say why the message is stopped, or let it pass with an empty reason."""
    reason = await _reason(state["question"], runtime.context)
    if not reason:
        return {"blocked": ""}
    stop: Decision = {
        "path": "refuse",
        "confidence": 1.0,
        "intent": "blocked",
        "task": "answer",
        "reason": reason,
    }
    return {"blocked": reason, "decision": stop}


async def _reason(question: str, context: Context) -> str:
    if any(pattern.search(question) for pattern in INJECTION):
        return "it asks me to set my instructions aside"
    if UNSAFE.search(question):
        return "answering could help to hurt someone"
    topics = context.agent.blocked_topics
    topic = _named(question, topics)
    if not topic:
        topic, similarity = await context.intents.nearest(question, topics)
        topic = topic if similarity >= TOPIC_SIMILARITY else ""
    return f"{topic!r} is a topic that I am set up not to discuss" if topic else ""


def _named(question: str, topics: list[str]) -> str:
    """Return the first topic whose words stand in the question."""
    for topic in topics:
        if re.search(rf"\b{re.escape(topic)}(s|es)?\b", question, re.IGNORECASE):
            return topic
    return ""
