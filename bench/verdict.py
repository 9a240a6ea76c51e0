"""What `bench runtime` prints: our figures with their goals, the table of all servers, the references."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.figures import Figure, quantile, show
from bench.fit import Line, fit
from bench.rounds import Seen
from bench.soak import Soaked
from bench.targets import FLOOR, OURS, SERVER, STORE

REQUEST_MOST, TOKEN_MOST, FIRST_MOST = 5.0, 40.0, 250.0
"""Milliseconds a request and microseconds a token, embedder and reranker apart; milliseconds to the first token."""
DELAY_MOST: Final = 50.0
"""Milliseconds from the model's token to the client, 99 of 100, in the soak."""
AIM: Final = "ms a request and µs a token; the aim beyond the goals is 3 ms and 30 µs"
APART: Final = ("embedder", "reranker")
WHOLE: Final = (SERVER, STORE)
REFERENCES: Final = (
    ("raw proxy", "-", "23 to 33"),
    ("a sketch of this design", "1.9", "29"),
    ("FastAPI, sse-starlette, LangGraph, httpx", "4.1", "122"),
    ("hayhooks", "3.1", "99"),
    ("litellm", "12", "495"),
    ("aegra (31 ms for 50 tokens)", "-", "-"),
)
"""Not measured here: the figures that were given with the task, of one core."""


def verdict(json: bool, seen: Mapping[str, Seen], soaked: Soaked | None, **more: Any) -> int:
    """Print everything and return the exit code."""
    figures: list[Figure] = []
    if seen:
        print("\n".join(table(seen)), file=sys.stderr if json else sys.stdout)
        figures += own_figures(seen[OURS], seen[FLOOR])
    if soaked is not None:
        figures += soak_figures(soaked)
    return show("runtime", figures, json, **more)


def own_figures(own: Seen, least: Seen) -> list[Figure]:
    """Return our figures, the whole of the raw proxy beside them; those without the models' work have the goals."""
    bare, apart = fit(least.rounds, WHOLE), fit(own.rounds, WHOLE, APART)
    p50, p99 = (quantile(own.firsts, share) for share in (0.5, 0.99))
    low, high = (quantile(least.firsts, share) for share in (0.5, 0.99))
    return [
        *pair("server and Valkey", fit(own.rounds, WHOLE), bare),
        *(
            figure
            for part in (*WHOLE, *APART, "reader")
            for figure in pair(f"  {part}", fit(own.rounds, [part]))
        ),
        *pair("embedder and reranker apart", apart, bare, (REQUEST_MOST, TOKEN_MOST)),
        *pair("  and the reader apart", fit(own.rounds, WHOLE, [*APART, "reader"])),
        Figure("first token of all at once, p50", p50, "ms", low),
        Figure("first token of all at once, p99", p99, "ms", high, FIRST_MOST),
        Figure("answers that are not whole", own.broken, "", most=0),
    ]


def pair(
    name: str, line: Line, bare: Line | None = None, most: tuple[float, float] | None = None
) -> list[Figure]:
    """Return the figure of a request and of a token."""
    request, token = (bare.request_ms, bare.token_us) if bare else (None, None)
    goal = most or (None, None)
    return [
        Figure(f"{name}, a request", line.request_ms, "ms", request, goal[0]),
        Figure(f"{name}, a token", line.token_us, "µs", token, goal[1]),
    ]


def soak_figures(soaked: Soaked) -> list[Figure]:
    """Return what the many streams were like."""
    p50, p99, longest = (quantile(soaked.delays, share) for share in (0.5, 0.99, 1))
    return [
        Figure("soak: streams that missed something", soaked.broken, "", most=0),
        Figure("soak: tokens lost", soaked.lost, "", most=0),
        Figure("soak: token delay, p50", p50, "ms"),
        Figure("soak: token delay, p99", p99, "ms", most=DELAY_MOST),
        Figure("soak: token delay, longest", longest, "ms"),
        Figure("soak: tokens a second", soaked.tokens / max(soaked.seconds, 1e-9), ""),
        Figure("soak: cores, server", soaked.server_s / max(soaked.seconds, 1e-9), ""),
        Figure("soak: cores, Valkey", soaked.store_s / max(soaked.seconds, 1e-9), ""),
        Figure("soak: growth of the server's memory", soaked.growth / 1e6, "MB"),
    ]


def table(seen: Mapping[str, Seen]) -> list[str]:
    """Return a line for each server, medians with the range of the rounds, and the references."""
    head = f"{'':34}{'ms a request':22}{'µs a token':24}{'first token p50 / p99':24}not whole"
    rows = [head, *(row(name, one) for name, one in seen.items())]
    rows += [below(name, one) for name, one in seen.items() if stored(one)]
    rows += [AIM, "References, not measured here:"]
    return [*rows, *(f"  {name:44}{request:12}{token}" for name, request, token in REFERENCES), ""]


def below(name: str, one: Seen) -> str:
    """Return the line of a server's store, which is within its own."""
    return f"{f'  of {name}: ' + ('Valkey' if name == OURS else 'PostgreSQL'):34}{cells(one, [STORE])}"


def stored(one: Seen) -> bool:
    """Tell whether the server has a store whose CPU counts."""
    return any(STORE in made.cost and made.cost[STORE] > 0 for made, _ in one.rounds)


def row(name: str, one: Seen) -> str:
    """Return a server's line of the table."""
    if not one.rounds:
        return f"{name:34}not measured: {one.trouble}"
    firsts = " / ".join(f"{quantile(one.firsts, share):.0f}" for share in (0.5, 0.99)) + " ms"
    said = f"{name:34}{cells(one, WHOLE)}{firsts:24}{one.broken} of {one.answers}"
    return said + "".join(f"\n  {text}" for text in (one.trouble, one.refused) if text)


def cells(one: Seen, parts: Sequence[str]) -> str:
    """Return the two cells of a line: request and token."""
    line = fit(one.rounds, parts)
    request, token = (
        spread(line.request_ms, line.request_range, 2),
        spread(line.token_us, line.token_range, 0),
    )
    return f"{request:22}{token:24}"


def spread(value: float, ends: tuple[float, float], digits: int) -> str:
    """Return a value with the least and the greatest of its rounds."""
    return f"{value:.{digits}f} ({ends[0]:.{digits}f} to {ends[1]:.{digits}f})"
