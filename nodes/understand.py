"""Finds out what is asked: the intent, the kind of work, and the question as it stands without the conversation."""

import re
from typing import Final, TypedDict

from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from contracts.context import Context
from contracts.state import Task, Turn
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
    intent: str
    intent_score: float
    task: Task


async def understand(state: Question, runtime: Runtime[Context]) -> Understood:
    """Classify the message and rewrite a follow-up so that it stands alone."""
    intent, score = await runtime.context.intents.classify(state["question"])
    standalone = state["question"]
    if state["turns"] and intent not in {"smalltalk", "person"} and leans(standalone):
        standalone = await _rewrite(state, runtime.context)
    return {
        "standalone": standalone,
        "intent": intent,
        "intent_score": score,
        "task": TASKS.get(intent, "answer"),
    }


async def _rewrite(state: Question, context: Context) -> str:
    talk = "\n".join(f"{turn['role']}: {turn['content'][:500]}" for turn in state["turns"][-TURNS_READ:])
    request = [SystemMessage(PROMPT), HumanMessage(f"{talk}\nuser: {state['question']}")]
    text = (await context.chat.rewrite(request) or "").strip().strip('"')
    return text if 0 < len(text) <= 600 and "\n" not in text else join(state["question"], state["turns"])


def join(question: str, turns: list[Turn]) -> str:
    """Put the last questions that stood alone before a follow-up: what it leans on is in them."""
    asked = [turn["content"] for turn in turns if turn["role"] == "user"]
    lead: list[str] = []
    for earlier in reversed(asked[-3:]):
        lead.insert(0, earlier)
        if not leans(earlier):
            break
    return re.sub(r"\s+", " ", " ".join([*lead, question]))
