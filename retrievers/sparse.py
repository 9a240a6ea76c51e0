"""BM25 as sparse vectors: words, stems and identifiers hashed to 32 bits, weighted so that a dot product is BM25.

    score = sum over the question's terms of  idf(term) * tf*(k1+1) / (tf + k1*(1 - b + b*length/AVERAGE))

The document's vector holds the fraction, the question's vector ones, and Qdrant's IDF modifier the idf. IDF
counts the points of the whole collection unless the query names a corpus (retrievers/hybrid.py names the tenant).
Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), section 3.

Two terms share an id with a chance of n^2 / 2^33: 0.3 expected among 50,000 terms, 116 among a million. A shared id
adds up both terms' weights; the question's other terms and the dense half outweigh it.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import Final
from zlib import crc32

from py_rust_stemmers import SnowballStemmer  # pyright: ignore[reportAttributeAccessIssue] no stubs

K1: Final = 1.2
B: Final = 0.75
AVERAGE: Final = 200
"""Terms in a usual chunk. Fixed, so that a chunk's vector does not depend on what else is indexed."""

SparseVector = tuple[list[int], list[float]]
"""Unique 32-bit ids, and a weight for each."""

_CJK: Final = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN: Final = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+(?:[-._/@:'’+#]+[^\W{_CJK}]+)*[+#]{{0,2}}")
_PART: Final = re.compile(r"[^\W_]+")
_IS_CJK: Final = re.compile(rf"[{_CJK}]")
_stemmer = SnowballStemmer("english")

_WORDS: Final = """
a an and are as at be been but by can did do does for from had has have he her his how i if in is it its me my
of on or our she so that the their them there they this to was we were what when where which who why will with
you your
"""
STOPWORDS: Final = frozenset(_WORDS.split())
"""Only words that carry no meaning alone. `no`, `not` and numbers stay."""


def terms(text: str) -> list[str]:
    """Return the text's terms in order: stems, and identifiers whole as well as in parts."""
    found: list[str] = []
    for token in _TOKEN.findall(text.lower()):
        found += _terms_of(token)
    return found


@lru_cache(maxsize=200_000)
def _terms_of(token: str) -> tuple[str, ...]:
    if _IS_CJK.match(token):
        return tuple(token[at : at + 2] for at in range(max(1, len(token) - 1)))
    parts = _PART.findall(token)
    if len(parts) == 1 and parts[0] == token:
        return () if token in STOPWORDS else (stem(token),)
    stems = tuple(stem(part) for part in parts if (part not in STOPWORDS and len(part) > 1) or part.isdigit())
    whole = token.replace("’", "'").rstrip(":")
    return stems if "'" in whole else (whole, *stems)


def stem(word: str) -> str:
    """Return the English stem; words of other alphabets and identifiers stay as they are."""
    return _stemmer.stem_word(word) if word.isascii() and word.isalpha() else word


@lru_cache(maxsize=200_000)
def term_id(term: str) -> int:
    """Return the term's id, the same on every machine."""
    return crc32(term.encode())


def document_vector(text: str) -> SparseVector:
    """Return the ids and BM25 weights of the text's terms; two empty lists for a text without any."""
    found = terms(text)
    counts = Counter(map(term_id, found))
    norm = K1 * (1 - B + B * len(found) / AVERAGE)
    return list(counts), [count * (K1 + 1) / (count + norm) for count in counts.values()]


def query_vector(text: str) -> SparseVector:
    """Return the ids of the question's terms, each with weight one."""
    ids = list(dict.fromkeys(map(term_id, terms(text))))
    return ids, [1.0] * len(ids)
