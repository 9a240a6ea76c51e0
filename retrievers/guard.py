"""Whether two questions are the same question. A wrong yes shows an approved answer to another question.

Embeddings put "notice period in Berlin" beside "in Porto" and hardly see a negation. So beside its similarity a pair
must use the same words that carry meaning, in any language: names, numbers, negations, places, who, when and where.
A wrong no costs nothing but the usual way through retrieval.
"""

import re
import unicodedata
from typing import Final

from retrievers.language import ENGLISH, english_stem

_WORD: Final = re.compile(r"[^\W_]+(?:[-._/:@][^\W_]+)*[+#]*")
_NEGATED: Final = re.compile(r"n['’]t\b", re.IGNORECASE)
_OWNED: Final = re.compile(r"['’](?:s|re|m|ll|ve|d)\b", re.IGNORECASE)
_DIRECTED: Final = frozenset({"from", "than", "before", "after", "into", "over", "under"})
_MEANT: Final = frozenset({"from", "who", "when", "where", "why", "if"})
"""Stopwords of search that tell questions apart."""
_FILLER: Final = frozenset(
    english_stem(word)
    for word in "please tell explain know want wonder there need hi hello thanks exactly let".split()  # noqa: SIM905
)


def same_question(one: str, other: str) -> bool:
    """Tell whether both use the same meaningful words, and in the same order where the order has a direction."""
    left, right = _meant(one), _meant(other)
    if not left or sorted(set(left)) != sorted(set(right)):
        return False
    return left == right or not _DIRECTED.intersection(left)


def normalized(question: str) -> str:
    """Return the question without case, width, spacing and closing marks, for an exact comparison."""
    folded = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(folded.split()).rstrip(" ?!.…？！。")


def _meant(question: str) -> list[str]:
    text = _NEGATED.sub(" not", unicodedata.normalize("NFKC", question).replace("cannot", "can not"))
    text = _OWNED.sub("", text)
    shouted = text.isupper()
    return [kept for word in _WORD.findall(text) if (kept := _kept(word, shouted))]


def _kept(word: str, shouted: bool) -> str:
    """Return the word's stem, or nothing where it carries no meaning; `IT` is not `it`."""
    if len(word) > 1 and word.isupper() and not shouted:
        return word if word.lower() in ENGLISH else english_stem(word.lower())
    lower = word.lower()
    if lower in ENGLISH and lower not in _MEANT:
        return ""
    return "" if (stemmed := english_stem(lower)) in _FILLER else stemmed
