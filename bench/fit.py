"""The cost of a request and of a token told apart: two lengths of answer, one straight line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Cost = Mapping[str, float]
"""CPU seconds by part, of one round of requests."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a server's requests of one length cost in one round."""

    tokens: int
    """In each answer."""
    requests: int
    cost: Cost

    def each(self, parts: Sequence[str], without: Sequence[str] = ()) -> float:
        """Return the milliseconds a request of these parts, without those."""
        seconds = sum(self.cost.get(part, 0.0) for part in parts)
        return 1000 * (seconds - sum(self.cost.get(part, 0.0) for part in without)) / self.requests


@dataclass(frozen=True, slots=True)
class Line:
    """What a request and a token cost, the medians over the rounds, and how far the rounds lie apart."""

    request_ms: float
    token_us: float
    request_range: tuple[float, float]
    token_range: tuple[float, float]


def line_of(
    short: Round, long: Round, parts: Sequence[str], without: Sequence[str] = ()
) -> tuple[float, float]:
    """Return milliseconds a request and microseconds a token, from the two lengths of one round."""
    few, many = short.each(parts, without), long.each(parts, without)
    token = (many - few) / (long.tokens - short.tokens)
    return few - token * short.tokens, 1000 * token


def fit(rounds: Sequence[tuple[Round, Round]], parts: Sequence[str], without: Sequence[str] = ()) -> Line:
    """Return the medians over the rounds, each with the least and the greatest. Raises ValueError for no rounds."""
    if not rounds:
        raise ValueError("there is no round to fit a line to")
    requests, tokens = zip(*(line_of(short, long, parts, without) for short, long in rounds), strict=True)
    return Line(median(requests), median(tokens), (min(requests), max(requests)), (min(tokens), max(tokens)))
