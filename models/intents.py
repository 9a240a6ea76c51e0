"""What a message wants, by its nearest examples: no training, and each mistake is mended by an example more."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.acts import Acts

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "question": (
        "how many days do I get", "who approves this", "what is the policy on this", "when is the deadline",
        "where can I find the form", "is it allowed to do this", "how much does it cost", "what happens if I am late",
        "do I need a receipt", "can I carry days over", "which one should I use", "how do I request access",
        "what does this term mean", "what is the limit for purchases", "who is responsible for the server room",
        "how long are records kept", "and what about part-time staff", "tell me about the process",
        "what must a visitor wear", "when does the office open", "why is it delayed", "what was decided",
        "who do I call when a machine fails", "who should I contact about my laptop", "annual leave", "leave?",
        "expenses", "security rules", "password", "what can this tool be used for", "tell me about it",
        "tell me more about that", "explain that again", "go on", "who is the head of sales", "who runs the lab",
        "and with a colleague", "what about the other person", "how does it work", "where do I send it",
    ),
    "smalltalk": (
        "hello", "hi there", "good morning", "hey, how are you?", "thanks", "thank you very much", "great, that helps",
        "ok", "bye", "see you later", "nice to meet you", "who are you?", "what can you do?", "are you a robot?",
        "tell me a joke", "you are awesome", "have a nice day", "cool", "thx", "ok cool, thanks a lot", "cheers",
        "hey, what's up", "got it, thank you", "perfect, ty",
    ),
    "person": (
        "can I talk to a person", "I want to speak to a human", "connect me with a colleague", "please escalate this",
        "get me a real person", "I would like to talk to someone", "pass this on to a human agent",
        "let me speak to your supervisor", "open a ticket for me", "I need a human to look at this",
        "transfer me to support staff", "no bots, a human please",
    ),
    "analysis": (
        "compare these two plans", "what are the differences between the two policies", "summarise the policy",
        "explain the trade-offs", "give me an overview of all the options", "analyse the pros and cons",
        "contrast the old and the new process", "make a table of the differences",
        "compare annual leave with unpaid leave", "summarise the incident report",
    ),
    "code": (
        "write a python function for this", "how do I call this API from code", "fix this script",
        "what does this function do", "show me an example in bash", "why does this code raise an exception",
        "refactor this class", "write a SQL query that counts rows", "debug this stack trace",
        "write a shell script that deletes old files",
    ),
}  # fmt: skip

NEIGHBOURS: Final = 3
"""Examples of an intent that speak for it: their mean cosine is its score."""

SHARPNESS: Final = 0.05
"""Temperature of the softmax over the scores: a lead of 0.1 in cosine becomes 7 to 1."""

SURE: Final = 0.50
"""Probability below which an intent other than `question` is not believed: documents are asked in vain, and no harm."""

FLOOR: Final = 0.50
"""Cosine with its nearest example below which an intent other than `question` is not believed."""

TALK: Final = 1.0
"""Likeness with a cue of small talk from which it is that: of the handbook's 300 questions none comes above 0.9, of
greetings such as "Bonjour !" or "r u human or bot", which the examples here miss, most do."""
WHOLE: Final = 1.5
"""Likeness of a cue with itself."""
TALK_LENGTH: Final = 80
"""Characters beyond which a message says more than a greeting."""

GREETING: Final = re.compile(
    r"(?i)^\s*(?:hi|hello|hey|good (?:morning|afternoon|evening|day))(?: \w+)?\s*[,!.]+\s*"
)


class Embedder(Protocol):
    """What embeds: rows as LangChain's Embeddings return them."""

    async def aembed_query(self, text: str) -> list[float]: ...

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]: ...


class ExampleIntents:
    """Classifies by cosine with examples. Safe to share between runs."""

    def __init__(self, embedder: Embedder, acts: Acts) -> None:
        self._embedder = embedder
        self._acts = acts
        self._examples: dict[str, NDArray[np.float32]] = {}
        self._topics: dict[tuple[str, ...], NDArray[np.float32]] = {}

    async def classify(self, message: str) -> tuple[str, float]:
        """Return the intent and its probability; what follows a greeting counts, not the greeting."""
        message = _after_greeting(message)
        if len(message) <= TALK_LENGTH and (like := await self._acts.likeness(message)) >= TALK:
            return "smalltalk", min(1.0, like / WHOLE)
        if not self._examples:
            self._examples = {name: await self._rows(list(texts)) for name, texts in EXAMPLES.items()}
        vector = np.asarray(await self._embedder.aembed_query(message[:1000]), np.float32)
        cosines = {name: np.sort(rows @ vector) for name, rows in self._examples.items()}
        scores = {name: float(near[-NEIGHBOURS:].mean()) for name, near in cosines.items()}
        for name, near in cosines.items():
            if name != "question" and float(near[-1]) < FLOOR:
                scores[name] = min(scores[name], scores["question"] - 2 * SHARPNESS)
        best = max(scores, key=lambda name: scores[name])
        powers = {name: float(np.exp((score - scores[best]) / SHARPNESS)) for name, score in scores.items()}
        if powers[best] < SURE * sum(powers.values()):
            best = "question"
        return best, powers[best] / sum(powers.values())

    async def nearest(self, message: str, topics: Sequence[str]) -> tuple[str, float]:
        """Return the topic closest in meaning and its cosine; `("", 0.0)` for no topics."""
        if not topics:
            return "", 0.0
        key = tuple(topics)
        if key not in self._topics:
            if len(self._topics) > 100:
                self._topics.clear()
            self._topics[key] = await self._rows(list(topics))
        vector = np.asarray(await self._embedder.aembed_query(message[:1000]), np.float32)
        cosines = self._topics[key] @ vector
        best = int(cosines.argmax())
        return topics[best], float(cosines[best])

    async def _rows(self, texts: list[str]) -> NDArray[np.float32]:
        rows = np.asarray(await self._embedder.aembed_documents(texts), np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _after_greeting(message: str) -> str:
    """Return what is said after a greeting; the whole where that is less than two words."""
    rest = GREETING.sub("", message)
    return rest if len(rest.split()) > 1 else message
