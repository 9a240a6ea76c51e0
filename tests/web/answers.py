"""Scripts that the tests of the page share."""

from typing import Any

from playwright.async_api import Page

from tests.web.scripted import Step

LEAVE: dict[str, Any] = {
    "id": "p1", "source": "hr/leave.md", "title": "Leave policy", "headings": ["Annual leave"], "page": None,
    "score": 0.91,
    "text": "## Annual leave\n\nEvery employee has **27 days** of annual leave.\nIt is requested in the portal.",
}  # fmt: skip
CARRY: dict[str, Any] = {
    "id": "p2", "source": "hr/carry-over.pdf", "title": "Carry-over", "headings": ["Limits"], "page": 3, "score": 0.74,
    "text": "Up to five days may be carried over\nuntil 31 March.",
}  # fmt: skip
SPARE: dict[str, Any] = {
    "id": "p3", "source": "it/laptops.csv", "title": "Laptops", "headings": [], "page": None,
    "score": 0.2, "text": "model,year",
}  # fmt: skip
DECISION: Step = (
    "decision",
    {
        "path": "auto_answer",
        "confidence": 0.874,
        "intent": "question",
        "task": "answer",
        "reason": "Two passages agree.",
    },
)
SOURCES: Step = ("sources", {"passages": [LEAVE, CARRY, SPARE]})
FIRST, SECOND = (
    "Every employee has **27 days** of annual leave.",
    "Up to five days may be carried over until 31 March.",
)
THIRD = "Most people take June."
TEXT = f"{FIRST} {SECOND} {THIRD}"


def tokens(text: str, size: int = 7) -> list[Step]:
    """Return the text as `token` events of that many characters."""
    return [("token", {"text": text[start : start + size]}) for start in range(0, len(text), size)]


def cites(sentence: str, *passages: str) -> Step:
    """Return the `citation` of a sentence; without passages it is not supported."""
    return (
        "citation",
        {"sentence": sentence, "passages": list(passages), "supported": bool(passages), "score": 0.8},
    )


def done(text: str, status: str = "completed") -> Step:
    """Return the end of a run."""
    return ("done", {"status": status, "text": text})


def said(text: str) -> list[Step]:
    """Return the plainest answer: its text and its end."""
    return [*tokens(text), done(text)]


CITED: list[Step] = [
    DECISION, SOURCES, *tokens(TEXT),
    cites(FIRST, "p1"),
    cites(SECOND, "p2", "p1"),
    cites(THIRD),
    done(TEXT),
]  # fmt: skip


async def ask(page: Page, question: str = "How many days of leave?") -> None:
    """Type the question and press Enter."""
    await page.get_by_label("Your message").fill(question)
    await page.keyboard.press("Enter")
