"""What a word is in its language: spelled one way, told from what says nothing, and brought to its stem.

A script decides where it can: Cyrillic is stemmed as Russian, Greek and Arabic as themselves. In the Latin script the
language is told by the text's function words, English where they say nothing. A library that tells languages by
letters would be no surer of the short texts that matter here, and costs more than the whole vector.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from py_rust_stemmers import SnowballStemmer  # pyright: ignore[reportAttributeAccessIssue] no stubs

from retrievers.stopwords import ENGLISH, LATIN, STOPWORDS

LOOKED_AT: Final = 64
"""Words of a text by which its language is told."""
EVIDENCE: Final = 2
"""Function words of a language that it takes to believe in it, and more of them than English ones."""

_DIGITS: Final = {
    zero + digit: str(digit) for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50) for digit in range(10)
}
_SILENT: Final = (0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF, 0x640, *range(0x64B, 0x653), 0x670)
"""Soft hyphens, marks of direction, and what Arabic may write or leave out: lengthening and short vowels."""
_SPELLED: Final[dict[int, str | None]] = {**_DIGITS, **dict.fromkeys(_SILENT)}
_BEYOND: Final = re.compile(r"[\u00ad\u0300-\u1dff\u200b-\u200f\u2060\u2c00-\U0010ffff]")
_PLAIN: Final = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ئ": "ي",
        "ؤ": "و",
        "ة": "ه",
        "ک": "ك",
        "ё": "е",
    }
    | {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
"""Letters that writers use for one another, beside those that differ by an accent."""
_SCRIPTS: Final = (
    ("\u0370", "\u03ff", "greek"),
    ("\u0400", "\u04ff", "russian"),
    ("\u0600", "\u06ff", "arabic"),
)
_STEMMERS: Final = {language: SnowballStemmer(language) for language in STOPWORDS}
_SPOKEN_IN: Final = {
    word: tuple(language for language in LATIN if word in STOPWORDS[language])
    for word in frozenset[str]().union(*(STOPWORDS[language] for language in LATIN))
}


def spelled(text: str) -> str:
    """Return the text in one spelling: full-width letters, ligatures and foreign digits as the usual ones."""
    if text.isascii() or (is_latin(text) and unicodedata.is_normalized("NFKC", text)):
        return text
    return unicodedata.normalize("NFKC", text).translate(_SPELLED)


def is_latin(text: str) -> bool:
    """Tell whether the text has no letter beyond the Latin ones, nor a mark that is not seen."""
    return _BEYOND.search(text) is None


def language_of(words: Sequence[str]) -> str | None:
    """Return the language of words in the Latin script; None where no function word tells."""
    hits: dict[str, int] = {}
    for word in words[:LOOKED_AT]:
        for language in _SPOKEN_IN.get(word.lower(), ()):
            hits[language] = hits.get(language, 0) + 1
    if not hits:
        return None
    best = max(hits, key=hits.__getitem__)
    english = hits.get("english", 0)
    if hits[best] > english:
        return best if hits[best] >= EVIDENCE else None
    return "english"


def is_stopword(word: str, language: str) -> bool:
    """Tell whether the lower-case word says nothing alone, in the language or in that of its script."""
    return word in STOPWORDS[script_of(word) or language]


def stem(word: str, language: str) -> str:
    """Return a lower-case word's stem without accents; what is no word, or of no stemmer's script, as it is."""
    if not word.isalpha():
        return folded(word)
    script = script_of(word)
    if script is None:
        return word
    if script:
        return folded(_STEMMERS[script].stem_word(word))
    if language == "english":  # whose writers leave accents out; the others' endings have them
        return _STEMMERS[language].stem_word(folded(word))
    return folded(_STEMMERS[language].stem_word(word))


def folded(word: str) -> str:
    """Return the word without accents, and letters that stand for one another as one."""
    if word.isascii():
        return word
    word = word.translate(_PLAIN)
    if word[0] > "\u03ff":  # beyond Latin and Greek a mark makes another letter
        return word
    return "".join(mark for mark in unicodedata.normalize("NFD", word) if not "\u0300" <= mark <= "\u036f")


def script_of(word: str) -> str | None:
    """Return the language by which a word's script is stemmed; "" for Latin, None for a script without a stemmer."""
    first = word[0]
    if first < "\u0370":
        return ""
    return next((language for start, end, language in _SCRIPTS if start <= first <= end), None)


@lru_cache(maxsize=50_000)
def english_stem(word: str) -> str:
    """Return the English stem of an ASCII word; words of other alphabets and identifiers stay as they are."""
    return _STEMMERS["english"].stem_word(word) if word.isascii() and word.isalpha() else word


__all__ = ["ENGLISH", "LATIN", "english_stem", "folded", "is_stopword", "language_of", "spelled", "stem"]
