"""What a whole run of the chaos comes to: its table, its JSON, and whether it passed."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bench.chaos.case import Ended
from bench.chaos.client import Client
from bench.chaos.judge import DOUBLED, LEFT, LOST, WRONG, Finding
from bench.chaos.plan import KILL, KILL_ALL, STORE, Size
from bench.chaos.rig import Rig
from bench.chaos.strike import Striker
from bench.figures import quantile

KINDS: Final = (LOST, DOUBLED, WRONG, LEFT)
SHOWN: Final = (
    "seed", "place", "cases", "runs", "refused", "cuts", "restarts", "gaps", "calls", "answered", "sockets",
    "growth", "descriptors",
)  # fmt: skip
RECOVERY_S: Final = 10.0
"""Goal: 95 of 100 streams hear of their run again within so many seconds of a server's kill."""
JUDGED: Final = 50
"""Recoveries from which it is judged: of fewer, the slowest three would decide."""
REACHED, MISSED = "reached", "MISSED"
GROWTH: Final = 0.05
"""Goal: so much more memory after warm-up at most."""
LEAK: Final = 8
"""File descriptors that may come and go in each server."""


@dataclass(slots=True)
class Tally:
    """The sums so far."""

    seed: int
    place: str
    size: Size
    began: float = 0.0
    ended: float = 0.0
    cases: int = 0
    runs: int = 0
    refused: int = 0
    cuts: int = 0
    sockets: int = 0
    """Of these, cuts of WebSockets."""
    restarts: int = 0
    gaps: int = 0
    calls: int = 0
    """Tool calls that were wanted."""
    answered: Counter[str] = field(default_factory=Counter[str])
    """What people said where runs had stopped for them."""
    ends: Counter[str] = field(default_factory=Counter[str])
    found: Counter[str] = field(default_factory=Counter[str])
    recovered: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Seconds from each fault to the next event of the streams that it hit."""
    growth: float | None = None
    descriptors: int | None = None

    def heard(self, client: Client, now: float) -> None:
        """Note that something is heard of a run again."""
        if client.struck is not None:
            kind, since = client.struck
            client.struck = None
            self.recovered.setdefault(kind, []).append(now - since)

    def take(self, ended: Ended) -> None:
        """Add a case, and say what is wrong with it."""
        self.cases += 1
        for client in ended.clients:
            self.runs += not client.refused
            self.refused += client.refused
            self.cuts += client.cuts
            self.sockets += client.cuts * client.ask.socket
            self.restarts += client.told.restarts
            self.gaps += client.told.gaps
            if client.followed:
                self.answered[f"{client.ask.kind}: {client.ask.reply}"] += 1
            self.calls += client.acts() * client.ask.calls
            for name, data in client.told.ends[:1]:
                self.ends[data.get("status", data.get("code", name))] += 1
        for kind, what in ended.findings:
            self.found[kind] += 1
            again = self.again(f" --only {ended.case.number}")
            print(f"{kind.upper()}: {what}   [{again}: {faults_of(ended)}]", file=sys.stderr, flush=True)

    def take_left(self, findings: Sequence[Finding]) -> None:
        """Add what is found when all cases are over."""
        for kind, what in findings:
            self.found[kind] += 1
            print(f"{kind.upper()}: {what}   [{self.again()}]", file=sys.stderr, flush=True)

    def again(self, more: str = "") -> str:
        """Return the options that draw the same again."""
        fewest, most = self.size.streams
        drawn = f"--faults {self.size.faults} --streams {fewest},{most}"
        return f"--on {self.place} {drawn} --seed {self.seed}{more}"

    def passed(self) -> bool:
        """Tell whether nothing was lost, duplicated, wrong or left, and no goal missed."""
        return not self.found and self.recovery() != MISSED

    def recovery(self) -> str:
        """Return what is judged of the streams that a kill alone hit: REACHED, MISSED, or nothing for too few."""
        kills = self.recovered.get(KILL, [])
        if len(kills) < JUDGED:
            return ""
        return MISSED if quantile(kills, 0.95) > RECOVERY_S else REACHED

    def body(self, striker: Striker, rig: Rig) -> dict[str, Any]:
        """Return all as one JSON object."""
        times = {kind: spread(found) for kind, found in self.recovered.items()}
        minutes = (self.ended - self.began) / 60
        kills = sum(striker.happened[kind] for kind in (KILL, KILL_ALL, STORE))
        return {
            "bench": "chaos",
            **{name: getattr(self, name) for name in SHOWN},
            "ends": dict(self.ends),
            **{kind: self.found[kind] for kind in KINDS},
            "faults": dict(striker.happened),
            "hit": dict(striker.hit),
            "minutes": round(minutes, 1),
            "sigkills": kills,
            "sigkills_a_minute": round(kills / minutes, 1) if minutes else 0.0,
            "cuts_a_minute": round(self.cuts / minutes, 1) if minutes else 0.0,
            "recovery_s": times,
            "recovery": self.recovery(),
            "again": self.again(),
            "calls_repeated": rig.receiver.times.total() - len(rig.receiver.times),
            "sigterm_s": spread(striker.ends),
            "start_s": spread(rig.starts),
            "starts_in_vain": rig.in_vain,
            "load": [round(one, 1) for one in os.getloadavg()],
            "passed": self.passed(),
        }


def faults_of(ended: Ended) -> str:
    """Return the case's faults in words."""
    return ", ".join(f"{fault.kind} {fault.how} at {fault.at:.1f} s" for fault in ended.case.faults)


def spread(values: list[float]) -> dict[str, float]:
    """Return p50, p95 and the most; nothing for no values."""
    if not values:
        return {}
    return {
        "count": len(values),
        "p50": round(quantile(values, 0.5), 2),
        "p95": round(quantile(values, 0.95), 2),
        "max": round(max(values), 2),
    }


def table(body: dict[str, Any]) -> str:
    """Return the figures for people."""
    rows = [
        f"chaos {body['again']}: {body['cases']} cases, {body['runs']:,} runs "
        f"({body['refused']} messages refused), {body['cuts']:,} cuts of clients "
        f"({body['sockets']:,} of WebSockets)",
        "",
        f"{'fault':18}{'times':>8}{'runs hit':>10}{'p50 s':>9}{'p95 s':>9}{'max s':>9}",
    ]
    for kind in sorted({*body["faults"], *body["recovery_s"]}):
        took, times = body["recovery_s"].get(kind, {}), body["faults"].get(kind, "")
        cells = "".join(
            f"{took.get(name, float('nan')):9.2f}" if took else f"{'':9}" for name in ("p50", "p95", "max")
        )
        rows.append(f"{kind:18}{times:>8}{body['hit'].get(kind, ''):>10}{cells}")
    rows += [
        "",
        recovery_row(body),
        f"ends: {', '.join(f'{name} {count}' for name, count in sorted(body['ends'].items()))}",
    ]
    rows.append(f"restarts {body['restarts']}, gaps {body['gaps']}")
    rows.append(
        f"people said {', '.join(f'{what} {times}' for what, times in sorted(body['answered'].items()))}"
    )
    rows.append(f"tool calls {body['calls']:,}, repeated with the same key {body['calls_repeated']}")
    if body["sigterm_s"]:
        rows.append(f"SIGTERM to the end: p95 {body['sigterm_s']['p95']} s, max {body['sigterm_s']['max']} s")
    if body["start_s"]:
        start = body["start_s"]
        rows.append(
            f"a server's start: p50 {start['p50']} s, p95 {start['p95']} s, max {start['max']} s; "
            f"{body['starts_in_vain']} more ended in an outage"
        )
    if body["growth"] is not None:
        rows.append(f"memory after warm-up: {body['growth']:+.1%}; file descriptors {body['descriptors']:+}")
    rows.append(
        f"{body['sigkills']:,} SIGKILLs in {body['minutes']} minutes: {body['sigkills_a_minute']} a minute, and "
        f"{body['cuts_a_minute']} cuts; load at the end {body['load'][0]}, in 15 minutes {body['load'][2]}"
    )
    rows.append(", ".join(f"{kind} {body[kind]}" for kind in KINDS))
    return "\n".join(rows)


def recovery_row(body: dict[str, Any]) -> str:
    """Return the figure that is judged, and what came of it."""
    took = body["recovery_s"].get(KILL, {})
    if not body["recovery"]:
        return f"recovery: {took.get('count', 0)} times from {KILL!r} alone, under {JUDGED}: not judged"
    figure = f"p95 of {took['count']} times from {KILL!r} alone is {took['p95']} s"
    return f"recovery: {figure}, goal {RECOVERY_S:g} s: {body['recovery']}"


def encoded(body: dict[str, Any]) -> str:
    """Return the JSON line."""
    return orjson.dumps(body).decode()
