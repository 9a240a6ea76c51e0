"""BM25 as sparse vectors: stems and identifiers hashed to 32 bits, weighted so that a dot product is BM25.

    score = sum over the question's terms of  weight * idf(term) * tf*(k1+1) / (tf + k1*(1 - b + b*length/AVERAGE))

The document's vector holds the fraction, the question's vector the weights, and Qdrant's IDF modifier the idf. IDF
counts the points of the whole collection unless the query names a corpus (retrievers/hybrid.py names the tenant).
Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), section 3.

A passage is stemmed in its own language. A question does not know which language the passage has, and is often too
short to tell its own: its words are looked for in the stems of every language, those of its own with weight one.

Two terms share an id with a chance of n^2 / 2^33: 0.3 expected among 50,000 terms, 116 among a million. A shared id
adds up both terms' weights; the question's other terms and the dense half outweigh it.
"""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from zlib import crc32

from retrievers.language import LATIN, is_stopword, language_of, script_of, spelled, stem
from retrievers.words import terms_of, words_of

SCHEME: Final = 2
"""Raised with every change of what a text's terms are: what is stored is then made anew from the texts."""
K1: Final = 1.2
B: Final = 0.75
AVERAGE: Final = 200
"""Terms in a usual chunk. Fixed, so that a chunk's vector does not depend on what else is indexed."""
ELSEWHERE: Final = 0.3
"""Weight of a stem in another language than the question's."""
UNTOLD: Final = 0.7
"""The same where the question does not tell its language: English has weight one then. See docs/evaluation.md."""

KNOWN: Final = 200_000
"""Words of one language whose terms are kept: a plain dict, since this is asked for each word that is indexed."""

SparseVector = tuple[list[int], list[float]]
"""Unique 32-bit ids, and a weight for each."""
_known: dict[str, dict[str, tuple[int, ...]]] = {language: {} for language in LATIN}


def terms(text: str) -> list[str]:
    """Return a passage's terms in order: stems, and identifiers whole as well as in parts."""
    words = words_of(spelled(text))
    language = language_of(words) or "english"
    return [term for word in words for term in terms_of(word, language)]


def query_terms(text: str) -> dict[str, float]:
    """Return a question's terms with their weights: in its own language, then in the others."""
    words = words_of(spelled(text))
    told = language_of(words)
    language, other = told or "english", ELSEWHERE if told else UNTOLD
    found: dict[str, float] = {}
    for word in words:
        found.update(dict.fromkeys(terms_of(word, language), 1.0))
    for word in words:
        if terms_of(word, language):
            for one in _elsewhere(word):
                found.setdefault(one, other)
    return found


@lru_cache(maxsize=50_000)
def _elsewhere(word: str) -> tuple[str, ...]:
    """Return a word's stems in every language, with `ue` for `ü` and the other way round in German."""
    lower = word.casefold()
    if not lower.isalpha() or script_of(lower) != "":
        return ()
    found = [stem(lower, language) for language in LATIN if not is_stopword(lower, language)]
    other = lower.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    if other == lower:
        other = lower.replace("ae", "ä").replace("oe", "ö").replace("ue", "ü")
    return tuple(dict.fromkeys((*found, stem(other, "german"))))


@lru_cache(maxsize=200_000)
def term_id(term: str) -> int:
    """Return the term's id, the same on every machine."""
    return crc32(term.encode())


def document_vector(text: str) -> SparseVector:
    """Return the ids and BM25 weights of the text's terms; two empty lists for a text without any."""
    words = words_of(spelled(text))
    language = language_of(words) or "english"
    known = _known[language]
    found: list[int] = []
    for word in words:
        ids = known.get(word)
        found += _noted(word, language) if ids is None else ids
    counts = Counter(found)
    norm = K1 * (1 - B + B * len(found) / AVERAGE)
    return list(counts), [count * (K1 + 1) / (count + norm) for count in counts.values()]


def _noted(word: str, language: str) -> tuple[int, ...]:
    """Return the ids of a word's terms, and note them for the next time."""
    known = _known[language]
    if len(known) >= KNOWN:
        known.clear()
    ids = known[word] = tuple(map(term_id, terms_of(word, language)))
    return ids


def query_vector(text: str, beside: Mapping[str, float] | None = None) -> SparseVector:
    """Return the ids of the question's terms, and of those to be looked for beside them, with their weights."""
    weights: dict[int, float] = {}
    for term, weight in [*query_terms(text).items(), *(beside or {}).items()]:
        weights[term_id(term)] = max(weight, weights.get(term_id(term), 0.0))
    return list(weights), list(weights.values())
