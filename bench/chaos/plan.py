"""What a case of the chaos is: who asks what, where each client is cut, and what breaks when.

All of it is drawn beforehand from one generator of the seed and the case's number, so that a case can be repeated.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

EMBEDDED, SERVERS = "embedded", "servers"
PLACES: Final = (EMBEDDED, SERVERS)

KILL, KILL_ALL, PAUSE, TERM, STORE = "kill", "kill all", "pause", "term", "store"
LOG_LINE, SQL_LINE = "log-line", "sql-line"
FAULTS: Final = {
    EMBEDDED: {KILL: 12, TERM: 2, PAUSE: 1, STORE: 4},
    SERVERS: {KILL: 14, TERM: 2, PAUSE: 2, STORE: 2, LOG_LINE: 2, SQL_LINE: 2},
}
"""What may happen, and how often beside the others: SIGKILL of a server; SIGTERM; SIGSTOP past its lease; SIGKILL of
Redis or Valkey; something on the line to Redis or to PostgreSQL."""
CALM_SHARE: Final = 0.05
"""Of the cases have nothing but clients that are cut, and the first: later cases are held against it."""
GAP_S: Final = {EMBEDDED: 4.0, SERVERS: 0.9}
"""Seconds between two faults of a case, on average. A server that is alone needs more: three deaths end a run."""

LINE: Final = ("cut", "lose", "slow", "hang", "refuse")
"""What happens on a line: all connections end; they end after some bytes; each piece waits; nothing passes for some
seconds; nobody connects for some seconds."""

COUNT, TICKET, TOOL, ASK, CHECK = "count", "ticket", "tool", "ask", "check"
APPROVE, REJECT, EDIT = "approve", "reject", "edit"
SHARES: Final = {COUNT: 12, TICKET: 3, TOOL: 4, ASK: 2, CHECK: 3}
"""How often each kind is asked, where 3 fail."""
SOCKETS: Final = 0.25
"""Of the clients follow over WebSockets."""
FAILING: Final = ("cut", "line", "end", "error", "stall", "refuse", "hang", "missing")
"""How the model fails: the stub's own words (bench/stub.py), before its first token, after it and for good."""

SPREAD_S: Final = 2.5
"""Seconds at least within which a case's messages are sent and its faults happen."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much happens in a case."""

    streams: tuple[int, int] = (20, 50)
    """Conversations, fewest and most."""
    faults: int = 20
    """On average; a third more or less."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One message and its client."""

    at: float
    """Seconds after the case's start, or after the message before it in its conversation."""
    kind: str
    """COUNT; TICKET, TOOL, ASK, CHECK: opens a ticket, calls tools, calls one that needs a yes, needs one for its
    answer; or a word of FAILING."""
    tokens: int
    cuts: tuple[int, ...]
    """After how many frames each of the first connections is cut."""
    route: tuple[int, ...]
    """The servers that it goes to, one a connection."""
    cancel: float = 0.0
    """Seconds after it was sent at which a person stops it; 0 for never."""
    policy: str = ""
    """Its `multitask_strategy`, where another message of the conversation may still be answered."""
    calls: int = 0
    """Tool calls that its model makes first."""
    wait: float = 0.0
    """Seconds until the tool answers."""
    reply: str = ""
    """What a person says where its run stops: APPROVE, REJECT or EDIT."""
    after: float = 0.0
    """Seconds until the person says it."""
    socket: bool = False
    """It is followed over WebSockets."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that breaks."""

    at: float
    kind: str
    node: int
    lasts: float
    """Seconds until it is mended."""
    how: str = ""
    size: int = 0
    """Bytes that still pass, or milliseconds that each piece waits."""


@dataclass(frozen=True, slots=True)
class Case:
    """Conversations of one or two messages, and faults while they are answered."""

    number: int
    conversations: tuple[tuple[Ask, ...], ...]
    faults: tuple[Fault, ...]

    def messages(self) -> int:
        """Return how many messages are sent."""
        return sum(map(len, self.conversations))


def draw(seed: int, number: int, place: str, size: Size) -> Case:
    """Return the case: the same for the same arguments."""
    dice = Random(f"{seed}:{number}:{place}")
    calm, third = number == 0 or dice.random() < CALM_SHARE, size.faults // 3
    count = 0 if calm else dice.randint(size.faults - third, size.faults + third)
    spread = max(SPREAD_S, GAP_S[place] * count)
    conversations = tuple(_conversation(dice, spread) for _ in range(dice.randint(*size.streams)))
    faults = sorted((_fault(dice, place, spread) for _ in range(count)), key=lambda fault: fault.at)
    return Case(number, conversations, tuple(faults))


def _conversation(dice: Random, spread: float) -> tuple[Ask, ...]:
    first = _ask(dice, spread * dice.random())
    if first.kind != COUNT or dice.random() > 0.2:
        return (first,)
    policy = dice.choice(("reject", "enqueue", "interrupt"))
    return first, _ask(dice, dice.uniform(0.2, 3), policy)


def _ask(dice: Random, at: float, policy: str = "") -> Ask:
    kind = COUNT if policy else dice.choices((*SHARES, dice.choice(FAILING)), (*SHARES.values(), 3))[0]
    cuts = tuple(1 + int(dice.expovariate(1 / 8)) for _ in range(dice.randint(0, 16)))
    cancel = dice.uniform(0.05, 4) if kind == COUNT and dice.random() < 0.1 else 0.0
    route = tuple(dice.randrange(64) for _ in range(24))
    ask = Ask(at, kind, dice.randint(20, 120), cuts, route, cancel, policy, socket=dice.random() < SOCKETS)
    if kind in (TOOL, ASK):
        ask = replace(ask, calls=dice.randint(1, 2 if kind == ASK else 3), wait=dice.choice((0.0, 0.3, 1.0)))
    if kind in (ASK, CHECK):
        ask = replace(ask, reply=dice.choice((APPROVE, APPROVE, REJECT, EDIT)), after=dice.uniform(0, 3))
    return ask


def _fault(dice: Random, place: str, spread: float) -> Fault:
    kinds = FAULTS[place]
    kind = dice.choices(list(kinds), list(kinds.values()))[0]
    lasts = dice.uniform(5.5, 8) if kind == PAUSE else dice.uniform(0.1, 2)
    how = dice.choice(LINE)
    size = dice.randint(50, 400) if how == "slow" else dice.randint(0, 20_000)
    return Fault(dice.uniform(0.8, spread + 2), kind, dice.randrange(64), lasts, how, size)
