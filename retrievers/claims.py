"""What a sentence claims that its passage must have: numbers, names, and whether it denies.

Vectors hardly tell 20 days from 30, Anna from Petra, or "may" from "may not"; words do.
"""

import re
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_MARK: Final = re.compile(r"^\s*[-*+•]\s+")
_NAME: Final = re.compile(r"\b[A-ZÀ-ÖØ-Þ][\w'’-]*")
_DENIAL: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|except|unless|prohibited|forbidden"
    r"|kein\w*|nicht|nie)\b|n['’]t\b",
    re.IGNORECASE,
)
_SPELT: Final = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "zero": "0",
}  # fmt: skip
"""Without "one", which is more often a pronoun."""

_FREE: Final = frozenset(
    """a an the this that these those it its he she they we you i in on at of for from to by with as if when while
    after before because although however also but and or so then there here yes no not all each every any some most
    many both what which who how why where please note""".split()  # noqa: SIM905 - a column of words would be 60 lines
)
"""Capitalised at the start of a sentence or in a heading, and still no name."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a sentence claims."""

    flat: str
    """It without its white space, case and the mark of a list."""
    numbers: frozenset[str]
    names: frozenset[str]
    denies: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What a passage says, as claims are held against it; made once a passage, not once a claim."""

    flat: str
    numbers: frozenset[str]
    words: frozenset[str]


def to_claim(sentence: str) -> Claim:
    """Return what the sentence claims."""
    flat = _flat(_MARK.sub("", sentence, count=1))
    return Claim(flat, frozenset(numbers(sentence)), frozenset(names(sentence)), denies(sentence))


def to_said(text: str, start: int) -> Said:
    """Return what a passage says under its title and headings, which end at `start`."""
    return Said(_flat(text[start:]), frozenset(numbers(text)), frozenset(_words(text)))


def contradicts(claim: Claim, said: Said, *, denied: bool) -> bool:
    """Tell whether the claim has a number or a name that the passage lacks, or not the nearest sentence's denial.

    `denied`: whether that sentence does.
    """
    return not claim.numbers <= said.numbers or not claim.names <= said.words or claim.denies != denied


def numbers(text: str) -> set[str]:
    """Return the numbers, one spelling each: 1,000 is 1000, "three" is 3."""
    digits = {re.sub(r"[,](?=\d{3}\b)", "", found) for found in _NUMBER.findall(text)}
    return digits | {
        _SPELT[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _SPELT and word != "one"
    }


def names(text: str) -> set[str]:
    """Return the capitalised words, lower case; a sentence's first only where another name follows it."""
    found = list(_NAME.finditer(text))
    opening = (
        found[0] if found and not any(character.isalnum() for character in text[: found[0].start()]) else None
    )
    if opening and len(found) > 1 and text[opening.end() : found[1].start()] == " ":
        opening = None
    return {_bare(name.group()) for name in found if name is not opening} - _FREE


def denies(text: str) -> bool:
    """Tell whether the sentence denies something."""
    return bool(_DENIAL.search(text))


def _words(text: str) -> set[str]:
    return {_bare(word) for word in re.findall(r"[\w'’-]+", text)}


def _bare(word: str) -> str:
    return re.sub(r"['’]s?$", "", word.lower())


def _flat(text: str) -> str:
    return " ".join(text.replace("|", " ").casefold().split())
