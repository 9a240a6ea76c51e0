"""What nodes need to know of English words: which carry content, and which lean on what was said before."""

import re
from typing import Final

STOPWORDS: Final = frozenset(
    """a about an and any are as at be been but by can could did do does doing for from get gets give had has have
    how i if in into is it its just may me might more much many my need no not of on one or our please shall she
    should so some tell than that the their them then there these they this those to us want was we were what when
    where which who whom whose why will with would you your hi hello there's what's i'm let know like also again
    explain whats wheres whos whens hows im ive dont doesnt cant theres thats isnt its hes shes lets wanna""".split()  # noqa: SIM905 - one word a cell would be 90 lines
)

OPENING: Final = re.compile(
    r"^(and|but|or|so|what about|how about|why|then|also|what if|even|same for|ok(ay)?,?|in that case)\b",
    re.IGNORECASE,
)
"""Beginnings that go on with what was said before."""

POINTING: Final = re.compile(
    r"\b(it|its|they|them|their|he|she|his|her|him|that one|this one|those|these|the same|the other|the latter"
    r"|the former|the second one|the first one|else)\b"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )\bthere\b(?!['’]s)"
    r"|^(this|that)\b|\b(of|for|about|with|to|in|by|after|before|does|do|is|was|can) (this|that)\b",
    re.IGNORECASE,
)
"""Words whose meaning lies in an earlier turn."""

ENOUGH: Final = 3
"""Content words from which a question says what it is about, however it begins and whatever else it points at."""

NAMED: Final = re.compile(r"(who|what|when|where|how \w+)('?s| is| are| was| were) ", re.IGNORECASE)
"""Asks about the thing that it goes on to name: "When is lunch?"."""

ASKING: Final = re.compile(
    r"(who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|may|must|should|shall|will"
    r"|would|has|have|had|in which|at what|on which|from when|by when|whats|whos|wheres|whens|hows|theres|am|i|we|my"
    r"|our|someone|somebody)\b",
    re.IGNORECASE,
)
"""What questions begin with, and what is told of oneself in place of one: "I forgot my key"."""


def content_words(text: str) -> list[str]:
    """Return the words that carry content, lower case, in order."""
    return [word for word in re.findall(r"[^\W_][\w'’-]*", text.lower()) if word not in STOPWORDS]


def leans(question: str) -> bool:
    """Tell whether a question goes on with the conversation; what it says first, a later "it" may mean."""
    opening = _first(question)
    if OPENING.search(opening) or POINTING.search(opening):
        return True
    return len(content_words(opening)) <= 1 and not (NAMED.match(opening) and content_words(opening))


def is_open(question: str) -> bool:
    """Tell whether a message says too little to be understood as the first of a conversation."""
    opening = _first(question)
    words = content_words(opening)
    return not words or (len(words) < ENOUGH and bool(OPENING.search(opening) or POINTING.search(opening)))


def _first(question: str) -> str:
    return re.split(r"(?<=[.!?])\s", question.strip(), maxsplit=1)[0]


def asks(question: str) -> bool:
    """Tell whether it is a question in words, not a bare topic."""
    return bool(ASKING.match(question.strip()))


def has_words(text: str) -> bool:
    """Tell whether a text has a word to look up: "2 + 2" has none."""
    return any(character.isalpha() for word in content_words(text) for character in word)
