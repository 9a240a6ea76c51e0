"""Finds out what is asked: the intent, the kind of work, the question as it stands without the conversation, and what
to look for."""

import re
from typing import Final, TypedDict

from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Sought, Task, Turn
from nodes.sought import sought
from nodes.words import leans

PROMPT: Final = (
    "Rewrite the user's last message as one question that can be understood without the conversation. Keep its "
    "language, its names and its numbers. Add nothing that was not said. Answer with the question alone."
)
TURNS_READ: Final = 6
"""Earlier messages that a rewrite may draw on."""

TASKS: Final[dict[str, Task]] = {"smalltalk": "smalltalk", "code": "code", "analysis": "analysis"}


class Question(TypedDict):
    """The slice that understand reads."""

    question: str
    turns: list[Turn]


class Understood(TypedDict):
    """The slice that understand writes."""

    standalone: str
    sought: list[Sought]
    intent: str
    intent_score: float
    task: Task


async def understand(state: Question, runtime: Runtime[Context]) -> Understood:
    """Classify the message, rewrite a follow-up so that it stands alone, and weigh what was said before it."""
    intent, score = await runtime.context.intents.classify(state["question"])
    standalone, look = state["question"], list[Sought]()
    if state["turns"] and intent not in {"smalltalk", "person"}:
        standalone, look = await _in_conversation(state, runtime.context)
    return {
        "standalone": standalone,
        "sought": look,
        "intent": intent,
        "intent_score": score,
        "task": TASKS.get(intent, "answer"),
    }


async def _in_conversation(state: Question, context: Context) -> tuple[str, list[Sought]]:
    """Return the question as it stands alone, and what to look for."""
    question, turns = state["question"], state["turns"]
    follows = leans(question)
    written = await _rewritten(state, context) if follows else ""
    before = next((turn["content"] for turn in reversed(turns) if turn["role"] == "user"), "")
    _, near = await context.intents.nearest(question, [before] if before.strip() else [])
    standalone = written or (join(question, turns) if follows else question)
    return standalone, sought(written or question, turns, follows, near)


async def _rewritten(state: Question, context: Context) -> str:
    """Return what a model makes of the question; empty where none is good enough, or what it says is no question."""
    talk = "\n".join(f"{turn['role']}: {turn['content'][:500]}" for turn in state["turns"][-TURNS_READ:])
    request = [SystemMessage(PROMPT), HumanMessage(f"{talk}\nuser: {state['question']}")]
    text = (await context.chat.rewrite(request) or "").strip().strip('"')
    return text if len(text) <= 600 and "\n" not in text else ""


def join(question: str, turns: list[Turn]) -> str:
    """Put the last questions that stood alone before a follow-up: what it leans on is in them."""
    asked = [turn["content"] for turn in turns if turn["role"] == "user"]
    lead: list[str] = []
    for earlier in reversed(asked[-3:]):
        lead.insert(0, earlier)
        if not leans(earlier):
            break
    return re.sub(r"\s+", " ", " ".join([*lead, question]))
