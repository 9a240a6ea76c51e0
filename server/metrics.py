"""Figures for Prometheus: a registry of its own an app, so that two apps in one process do not collide."""

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from server.live import Live

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """What is counted of runs and streams."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.runs = Counter("switchboard_runs", "Runs ended.", ["status", "path"], registry=self.registry)
        self.ttft = Histogram(
            "switchboard_first_token_seconds",
            "From start to the first token.",
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.total = Histogram(
            "switchboard_run_seconds", "From start to end.", registry=self.registry, buckets=BUCKETS
        )
        self.live = Gauge("switchboard_runs_live", "Runs under way.", registry=self.registry)
        self.clients = Gauge("switchboard_streams_open", "Clients that follow a log.", registry=self.registry)
        self.tasks = Gauge("switchboard_tasks", "Asyncio tasks of the process.", registry=self.registry)

    def count(self, live: "Live", status: str) -> None:
        """Count a run that has ended."""
        decision, usage = live.state.get("decision"), live.usage()
        self.runs.labels(status, decision["path"] if decision else "none").inc()
        self.total.observe(time.perf_counter() - live.started)
        if usage:
            self.ttft.observe(usage["ttft_ms"] / 1000)
