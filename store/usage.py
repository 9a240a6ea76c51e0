"""What the answers took: one row a finished run, summed by day and by model."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict, cast

from sqlalchemy import ColumnElement, Connection, Label, case, func, insert, literal, select

from contracts.identity import Identity
from contracts.state import Usage
from store.engine import reads
from store.ids import now, time_of
from store.tables import usage


class Sum(TypedDict):
    """The usage of one model, on one day or in all."""

    day: str
    """`2026-01-31`, UTC; empty in sums over all days."""
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    cache_hits: int
    """Requests answered from a cache of any kind."""
    ttft_ms_p50: float
    ttft_ms_p95: float
    total_ms_p50: float
    total_ms_p95: float


@reads
def stats(
    connection: Connection, who: Identity, by: Literal["day", "model"] = "day", since: str | None = None
) -> list[Sum]:
    """Return the tenant's sums for each model, and with `day` for each day as well, newest day first.

    Percentiles are nearest-rank: the smallest value that at least that share of requests stays within.
    """
    u = usage.c
    day = u.day if by == "day" else literal("")
    rows = select(day.label("day"), *(u[name] for name in _SUMMED), u.cache).where(u.tenant == who.tenant)
    if since is not None:
        rows = rows.where(u.created_at >= time_of(since))
    group = [day, u.model]
    rows = rows.add_columns(
        func.count().over(partition_by=group).label("n"),
        *(_rank(u[name], group).label(f"{name}_rank") for name in _TIMED),
    )
    r = rows.subquery().c
    sums = select(
        r.day, r.model, func.count().label("requests"),
        *(func.sum(r[name]).label(name) for name in ("prompt_tokens", "completion_tokens", "cost")),
        func.sum(case((r.cache != "none", 1), else_=0)).label("cache_hits"),
        *(_percentile(r, name, share) for name in _TIMED for share in (50, 95)),
    ).group_by(r.day, r.model).order_by(r.day.desc(), r.model)  # fmt: skip
    return [cast(Sum, dict(row)) for row in connection.execute(sums).mappings()]


def add(connection: Connection, who: Identity, run: Mapping[str, Any], used: Usage) -> None:
    """Write the usage of a run of `who`'s: its `id` and `agent`."""
    at = now()
    row = {
        "tenant": who.tenant,
        "run_id": run["id"],
        "user_id": who.user,
        "agent": run["agent"],
        "created_at": at,
        "day": at[:10],
        "cache": used["cache"],
        **{name: used[name] for name in _SUMMED},
    }
    connection.execute(_ADD, row)


_TIMED = ("ttft_ms", "total_ms")
_SUMMED = ("model", "prompt_tokens", "completion_tokens", "cost", *_TIMED)


def _rank(column: ColumnElement[Any], group: list[Any]) -> ColumnElement[int]:
    return func.row_number().over(partition_by=group, order_by=column)


def _percentile(rows: Any, name: str, share: int) -> Label[float]:
    least = rows[f"{name}_rank"] * 100 >= rows.n * share
    return func.min(case((least, rows[name]))).label(f"{name}_p{share}")


_ADD = insert(usage)
