"""What is looked for of a text: words, identifiers whole and in parts, and pairs of characters where none are spaced.

`asyncio.TaskGroup` is found by itself, by `TaskGroup`, and by `task group`; `pg_stat_activity` by `activity`.
"""

import re
from functools import lru_cache
from typing import Final

from retrievers.language import folded, is_latin, is_stopword, stem

_CJK: Final = r"\u3005\u3040-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED: Final = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese and Khmer."""
_MARKS: Final = (
    r"\u0300-\u036f\u0591-\u05c7\u0900-\u0903\u093a-\u094f\u0962\u0963\u0981-\u0983\u09bc\u09be-\u09cd"
    r"\u0a01-\u0a03\u0a3c-\u0a4d\u0abc-\u0acd\u0b3c-\u0b4d\u0bbe-\u0bcd\u0c3e-\u0c4d\u0cbc-\u0ccd\u0d3b-\u0d4d"
)
"""Vowel signs and accents, which are no letters to Python's `\\w`."""
_LETTER: Final = rf"(?:[^\W{_CJK}{_UNSPACED}]|[{_MARKS}])"
_JOINED: Final = r"[-._/@:'’+#]+"
_AMOUNT: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)"
_ASCII: Final = re.compile(rf"{_AMOUNT}|\w+(?:{_JOINED}\w+)*[+#]{{0,2}}", re.ASCII)
_LATIN: Final = re.compile(rf"§+\s*\d+\w*|{_AMOUNT}|\w+(?:{_JOINED}\w+)*[+#]{{0,2}}")
_ANY: Final = re.compile(
    rf"[{_CJK}]+|[{_UNSPACED}]+|§+\s*\d+\w*|{_AMOUNT}|{_LETTER}+(?:{_JOINED}{_LETTER}+)*[+#]{{0,2}}"
)
_PART: Final = re.compile(rf"(?:[^\W_]|[{_MARKS}])+")
_PIECE: Final = re.compile(r"[./:@#+]+")
_HUMP: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NUMBERED: Final = re.compile(r"([a-z]{3,})(\d+)")
_GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+")
_PAIRS: Final = re.compile(rf"[{_CJK}]")
_TRIPLES: Final = re.compile(rf"[{_UNSPACED}]")


def words_of(text: str) -> list[str]:
    """Return the text's words and identifiers in order and as they are written."""
    return (_ASCII if text.isascii() else _LATIN if is_latin(text) else _ANY).findall(text)


@lru_cache(maxsize=50_000)
def terms_of(word: str, language: str) -> tuple[str, ...]:
    """Return what a word is found by, in a passage and in a question of the language."""
    if _PAIRS.match(word):
        return runs(word, 2)
    if _TRIPLES.match(word):  # letters, not syllables: a pair of them says little
        return runs(word, 3)
    lower = word.casefold()
    if word[0] == "§":
        number = "".join(lower.split()).lstrip("§")
        return (f"§{number}", number)
    if _GROUPED.fullmatch(word):
        return _amount(lower)
    parts = _PART.findall(lower)
    if parts == [lower]:
        return _single(word, lower, language)
    stems = [stem(part, language) for part in parts if _tells(part, language)]
    whole = lower.replace("’", "'").rstrip(":")
    if "'" in whole:
        return tuple(stems)
    return tuple(dict.fromkeys((folded(whole), *_pieces(whole), *stems, *_humps(word, language))))


def is_unspaced(word: str) -> bool:
    """Tell whether the word is a run of characters without spaces, as Chinese, Japanese, Korean and Thai have."""
    return bool(_PAIRS.match(word) or _TRIPLES.match(word))


def runs(text: str, length: int) -> tuple[str, ...]:
    """Return each run of so many characters; a shorter text whole."""
    return tuple(text[at : at + length] for at in range(max(1, len(text) - length + 1)))


def _single(word: str, lower: str, language: str) -> tuple[str, ...]:
    """Return the terms of a word without a joint: its stem, and where it is made of others, those."""
    if is_stopword(lower, language):
        return ()
    found = (stem(lower, language), *_humps(word, language))
    if lower.isalpha() or lower.isdigit():
        return found
    numbered = _NUMBERED.fullmatch(lower)
    return (*found, stem(numbered[1], language), numbered[2]) if numbered else found


def _amount(word: str) -> tuple[str, ...]:
    """Return a number with its thousands set apart as the plain number; 1.200 may be a version as well."""
    if "," not in word:
        return (word, word.replace(".", ""))
    plain = word.replace(",", "")
    return (plain,) if plain.isdigit() else (plain, plain[: plain.index(".")])


def _humps(word: str, language: str) -> list[str]:
    """Return the stems of the words that capitals set apart: `TaskGroup` is a task and a group."""
    if word.islower() or not word.isascii() or word[1:].islower():
        return []
    found: list[str] = []
    for part in _PART.findall(word):
        humps = _HUMP.findall(part)
        if len(humps) > 1 and not part.isupper():
            found += [stem(hump.lower(), language) for hump in humps if _tells(hump.lower(), language)]
    return found


def _pieces(whole: str) -> list[str]:
    """Return the longer parts of an identifier: what stands between dots, and the last two of them."""
    pieces = [piece for piece in _PIECE.split(whole) if piece]
    found = [folded(piece) for piece in pieces if len(pieces) > 1 and not piece.isalnum()]
    if len(pieces) > 2 and not pieces[-1].isdigit():
        found.append(folded(".".join(pieces[-2:])))
    if whole[:1] == "v" and whole[1:2].isdigit():
        found.append(whole[1:])
    return found


def _tells(part: str, language: str) -> bool:
    return part.isdigit() or (len(part) > 1 and not is_stopword(part, language))
