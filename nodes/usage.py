"""What an answer took."""

import time

from contracts.context import Context
from contracts.state import CacheHit, Usage


def usage_of(
    context: Context,
    *,
    model: str,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    first: float | None = None,
    cache: CacheHit = "none",
) -> Usage:
    """Return the usage of a run. `first`: `time.perf_counter()` at the first token; None is now."""
    now = time.perf_counter()
    return {
        "model": model,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "cost": context.chat.cost(model, prompt_tokens, completion_tokens) if model else 0.0,
        "ttft_ms": round(((first or now) - context.started) * 1000, 3),
        "total_ms": round((now - context.started) * 1000, 3),
        "cache": cache,
    }
