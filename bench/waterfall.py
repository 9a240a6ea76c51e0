"""Where a request's time goes: arithmetic on the spans that bench/traced.py wrote."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

from bench.figures import Figure, quantile

Span = tuple[str, float, float]
"""Name, start and end in seconds."""

READING: Final = frozenset({"embed", "rank", "reader"})
"""Embedder, ranking and reader: what is not our own work."""
INDEX: Final = frozenset({"index"})
NODES: Final = ("guard", "recall", "understand", "retrieve", "decide", "select_model")


@dataclass(frozen=True, slots=True)
class Run:
    """One run's spans."""

    id: str
    cold: bool
    """Its passages were read as if for the first time."""
    spans: list[Span]

    def one(self, name: str) -> Span:
        """Return the first span of that name. Raises KeyError."""
        for span in self.spans:
            if span[0] == name:
                return span
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Request:
    """One question from the client's side, with its run's spans. Times in seconds of the same clock."""

    sent: float
    first: float
    """When the first token came."""
    run: Run

    def total(self) -> float:
        """Return the milliseconds to the first token."""
        return (self.first - self.sent) * 1000

    def before_model(self) -> float:
        """Return the milliseconds before the model was called."""
        return (self.run.one("model")[1] - self.sent) * 1000

    def own(self) -> float:
        """Return the milliseconds to the first token without embedder, ranking and reader."""
        return self.total() - covered(self.run.spans, self.sent, self.first)

    def parts(self) -> dict[str, float]:
        """Return our own milliseconds by part, in order, and those of what is not ours; their sum is `total`."""
        nodes = {name: self.run.one(f"node:{name}") for name in NODES}
        _, called, said = self.run.one("model")
        own = {name: self._own(start, end) for name, (_, start, end) in nodes.items()}
        index = covered(self.run.spans, self.sent, called, INDEX)
        spent = sum(end - start for _, start, end in nodes.values())
        between = called - nodes["guard"][1] - spent
        return {
            "HTTP, auth, commit, start of the run": (nodes["guard"][1] - self.sent) * 1000,
            **{f"node {name}": value for name, value in own.items()},
            "index (three queries)": index,
            "graph, between the nodes": between * 1000,
            "model's first text, client included": (said - called) * 1000,
            "log, Valkey, SSE to the client": (self.first - said) * 1000,
            "embedder, ranking, reader": covered(self.run.spans, self.sent, self.first),
        }

    def _own(self, start: float, end: float) -> float:
        return (end - start) * 1000 - covered(self.run.spans, start, end, READING | INDEX)


def covered(spans: Sequence[Span], first: float, last: float, names: Set[str] = READING) -> float:
    """Return the milliseconds between `first` and `last` that any span of these names covers."""
    chosen = sorted((start, end) for name, start, end in spans if name in names)
    total, at = 0.0, first
    for start, end in chosen:
        start, end = max(start, at), min(end, last)
        if end > start:
            total, at = total + end - start, end
    return total * 1000


def segments(requests: Sequence[Request]) -> list[Figure]:
    """Return the medians of the parts, warm requests alone, and the reading of the cold ones."""
    warm = [one.parts() for one in requests if not one.run.cold]
    found = [
        Figure(f"  {name}", quantile([parts[name] for parts in warm], 0.5), "ms")
        for name in (warm[0] if warm else ())
    ]
    cold = [one.parts()["embedder, ranking, reader"] for one in requests if one.run.cold]
    return [*found, Figure("  embedder, ranking, reader, cold", quantile(cold, 0.5), "ms")]
