"""Which kind of answer a question asks for (a number, a time, a name or place), and whether a text adds one.

"How many people work in Ghent?" is answered by a number that is not in the question. English only: elsewhere
nothing is asked for, and nothing counts for or against a sentence.
"""

import re
from typing import Final

_NUMBER: Final = re.compile(
    r"\bhow (?:many|much|old|tall|long|far|large|big|often|fast|quickly|early|high|wide|deep|late|heavy)\b"
    r"|\bwhat (?:is the )?(?:percent\w*|number|amount|share|size|age|price|temperature|rate|speed)\b"
    r"|\b(?:limit|cost|price)\b"
)
_TIME: Final = re.compile(
    r"\bwhen\b|\b(?:what|which) (?:year|date|day|time|month|century|decade|week|hours)\b|\bwhat are the \w+ hours\b"
)
_WHO: Final = re.compile(r"\b(?:who|whom|whose|where)\b")
_NUMBERS: Final = re.compile(
    r"\d[\w.,:/-]*|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred"
    r"|thousand|million|billion|half|once|twice|third|quarter|first|second)\b",
    re.IGNORECASE,
)
_TIMES: Final = re.compile(
    r"\d[\w.,:/-]*|\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|spring|summer|autumn|winter|century|morning|noon|midnight|daily"
    r"|weekly|monthly)\b"
)
_NAMES: Final = re.compile(r"\b[A-ZÀ-ÖØ-Þ][\w'’-]*|\b[\w.+-]+@[\w.-]+|https?://\S+")
FUNCTION: Final = frozenset(
    """the a an in on at it its this that these those he she they we his her their but and as for of by with when
    while after before during although however there one some many most all other both each to from if i is was
    you your do not no""".split()  # noqa: SIM905 - a column of words would be 60 lines
)
"""Words that carry nothing new, and are no names where they open a sentence."""


def adds(question: str, text: str) -> float:
    """Return 1.0 where the text has the kind that is asked for, not from the question itself; -1.0 where not.

    0.0 where the question asks for no certain kind.
    """
    pattern = _asked(question.lower())
    if pattern is None:
        return 0.0
    known = {_bare(word) for word in re.findall(r"[\w.,:/@'’+-]+", question.lower())} | FUNCTION
    return 1.0 if any(_bare(found) not in known for found in pattern.findall(text)) else -1.0


def _asked(question: str) -> re.Pattern[str] | None:
    for asked, pattern in ((_NUMBER, _NUMBERS), (_TIME, _TIMES), (_WHO, _NAMES)):
        if asked.search(question):
            return pattern
    return None


def _bare(word: str) -> str:
    return word.lower().strip(".,:'’-/")
