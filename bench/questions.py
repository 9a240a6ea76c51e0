"""Questions about the sample handbook, each one different, so that no remembered answer fits."""

from collections.abc import Iterator
from itertools import product
from typing import Final

TOPICS: Final = (
    "days of annual leave", "the limit for a purchase", "reporting a phishing mail", "keeping customer records",
    "parental leave", "on-call pay", "the release process", "a visitor's badge", "remote work abroad",
    "a hotel in travel expenses", "a customer's refund", "code review", "performance reviews", "sick leave",
    "the training budget", "the public holidays", "a new laptop", "password length", "the first week",
    "waste and energy",
)  # fmt: skip
FRAMES: Final = (
    "What does the handbook say about {} for {}?",
    "Which rule holds on {} for {}?",
    "What is written about {} for {}?",
)
PEOPLE: Final = (
    "engineers", "managers", "part-time staff", "new joiners", "contractors", "interns", "the sales team",
    "the support team", "the finance team", "people in Lisbon", "people in Berlin", "team leads", "directors",
    "designers", "analysts",
)  # fmt: skip


def questions() -> Iterator[str]:
    """Yield 900 questions; neighbours ask about different things."""
    for person, frame, topic in product(PEOPLE, FRAMES, TOPICS):
        yield frame.format(topic, person)
