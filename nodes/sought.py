"""What is looked for at a turn of a conversation: the message, and at a lower weight what was said before it.

A follow-up leaves out what both sides know. Which words that is cannot be told without a model, but the turns before
have them; at a low weight they decide between passages that fit the message alike, and overrule nothing. Weights
chosen on half of the conversations of mtrag, see docs/retrieval.md.
"""

from typing import Final

from contracts.state import Sought, Turn

ASKED: Final = (0.5, 0.25)
"""Weights of the questions before, the last one first."""
ANSWERED: Final = 0.1
"""Weight of the answer before: it names things that the questions only point at, and much else."""
ALONE: Final = 0.5
"""What is left of these weights where the message says by itself what it is about."""
AKIN: Final = 0.2
"""Cosine to the question before from which such a message is on the same topic; below it they fade, to nothing at 0."""
LONGEST: Final = 300
"""Characters of an earlier message that are read: an answer says first what it is about."""
LEAST: Final = 0.02
"""What weighs less is not looked for."""


def sought(question: str, turns: list[Turn], leans: bool, near: float) -> list[Sought]:
    """Return the texts to look for, the message first; nothing but it where the topic is another one.

    `leans` tells whether the message goes on with the conversation, `near` is its cosine to the question before.
    """
    part = 1.0 if leans else ALONE * min(1.0, max(0.0, near / AKIN))
    asked = [turn["content"] for turn in reversed(turns) if turn["role"] == "user"]
    answered = [turn["content"] for turn in reversed(turns) if turn["role"] == "assistant"]
    weighted = [*zip(asked, ASKED, strict=False), *zip(answered[:1], [ANSWERED], strict=False)]
    found: list[Sought] = [{"text": question, "weight": 1.0}]
    for text, weight in weighted:
        if text.strip() and weight * part >= LEAST:
            found.append({"text": text[:LONGEST], "weight": round(weight * part, 4)})
    return found
