"""Which kind of answer a question asks for (an amount, a time, a name or place), and whether a text adds one.

"How many people work in Ghent?" is answered by a number that is not in the question, "What does it cost?" by an
amount of money, "how many weeks" by a number of weeks. English only: elsewhere nothing is asked for, and nothing
counts for or against a sentence.
"""

import re
from typing import Final

_MONEY: Final = re.compile(
    r"^(?!when|who|where|why|how (?:long|soon)).*"
    r"\b(?:costs?|prices?|fees?|spend|earn|salary|expensive|how much (?:is|are))\b"
)
_AMOUNTS: Final = re.compile(
    r"(?:\b[A-Z]{3}|[€$£¥])\s?\d[\d.,]*|\d[\d.,]*\s?(?:[€$£¥%]|[A-Z]{3}\b|(?:euro|dollar|pound|cent)s?\b)"
    r"|\b(?:price|cost|fee|amount)\w*: \d[\d.,]*|\bfree\b"
)
_UNITS: Final = re.compile(
    r"\bhow many (?:\w+ ){0,2}?(minute|hour|day|week|month|year|night|time|kilomet|percent)"
)
_CLOCK: Final = re.compile(
    r"\bwhat time\b|\bopening (?:hours|times)\b|\bwhen\b.*\b(?:opens?|closes?|closed)\b"
)
_CLOCKS: Final = re.compile(r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2} ?[ap]\.?m\b|\bnoon\b|\bmidnight\b")
_NUMBER: Final = re.compile(
    r"\bhow (?:many|much|old|tall|long|far|large|big|often|fast|quick|quickly|soon|early|high|wide|deep|late|heavy)\b"
    r"|\bwhat(?:'?s| is)? (?:the )?(?:percent\w*|number|amount|share|size|age|price|temperature|rate|speed)\b"
    r"|\b(?:limit|cost|price|budget)\b"
)
_TIME: Final = re.compile(
    r"\bwhens?\b|\b(?:what|which) (?:year|date|day|time|month|century|decade|week|hours)\b|\bwhat are the \w+ hours\b"
)
_WHO: Final = re.compile(r"\b(?:who|whos|whom|whose|where|wheres)\b")
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


def adds(question: str, text: str, above: str = "") -> float:
    """Return 1.0 where the text has the kind that is asked for, not from the question itself; -1.0 where not.

    `above` is what the text is read with, such as a table's header, which may name the unit of a number.
    0.0 where the question asks for no certain kind.
    """
    asked = question.lower()
    pattern = _asked(asked)
    if pattern is None:
        return 0.0
    unit = _UNITS.search(asked)
    if unit and unit.group(1) not in f"{above} {text}".lower():
        return -1.0
    known = {_bare(word) for word in re.findall(r"[\w.,:/@'’+-]+", asked)} | FUNCTION
    return 1.0 if any(_bare(found) not in known for found in pattern.findall(text)) else -1.0


_KINDS: Final = (
    (_CLOCK, _CLOCKS), (_MONEY, _AMOUNTS), (_NUMBER, _NUMBERS), (_TIME, _TIMES), (_WHO, _NAMES),
)  # fmt: skip
"""What asks, and what answers; the first that asks decides."""


def _asked(question: str) -> re.Pattern[str] | None:
    return next((answers for asks, answers in _KINDS if asks.search(question)), None)


def _bare(word: str) -> str:
    return word.lower().strip(".,:'’-/")
