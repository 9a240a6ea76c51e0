"""Interleaved rounds of `bench runtime`: every server's 100 streams of one length, one server after the other."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Final

from bench.fit import Round
from bench.length import teach
from bench.lines import word
from bench.questions import questions
from bench.tap import Asked, Tap, tap_all
from bench.targets import Target

LENGTHS: Final = (50, 200)
"""Tokens in an answer."""
STREAMS: Final = 100
PATIENCE_S: Final = 300.0
QUIET: Final = 0.05
"""Of a core: a server that uses less has done what the requests left behind."""
LOOK_S: Final = 0.25
LOOKS: Final = 20


@dataclass(slots=True)
class Seen:
    """What one server did."""

    rounds: list[tuple[Round, Round]] = field(default_factory=list[tuple[Round, Round]])
    firsts: list[float] = field(default_factory=list[float])
    """Milliseconds to the first token of all requests, 100 at the same time."""
    broken: int = 0
    """Requests whose answer is not what the model said, the refused ones among them."""
    answers: int = 0
    refused: str = ""
    """The beginning of one response that was no stream."""
    trouble: str = ""
    """Why it was measured no further; empty where it was."""


def asked() -> Iterator[str]:
    """Yield questions without end, no two the same."""
    for number in count(1):
        for question in questions():
            yield question if number == 1 else f"{question} Case {number}."


async def interleave(targets: Sequence[Target], stub: str, rounds: int, streams: int) -> dict[str, Seen]:
    """Measure all servers in turns, after a round that does not count. A peer that fails is left out from then on."""
    seen = {target.name: Seen() for target in targets}
    flow = asked()
    for number in range(rounds + 1):
        pairs: dict[str, list[Round]] = {target.name: [] for target in targets}
        for length in LENGTHS if number else LENGTHS[:1]:
            await teach(stub, length)
            for target in (one for one in targets if not seen[one.name].trouble):
                own = seen[target.name] if number else Seen()
                try:
                    pairs[target.name].append(
                        await one_round(target, list(islice(flow, streams)), length, own)
                    )
                except (TimeoutError, OSError, RuntimeError) as error:
                    seen[target.name].trouble = f"{type(error).__name__}: {error}".rstrip(": ")
                    print(f"{target.name} is left out: {seen[target.name].trouble}", file=sys.stderr)
        for name, pair in pairs.items():
            if len(pair) == len(LENGTHS):
                seen[name].rounds.append((pair[0], pair[1]))
    return seen


async def one_round(target: Target, texts: list[str], length: int, seen: Seen) -> Round:
    """Ask all at the same time; what the requests need is made before the clock runs."""
    return await measured(target, await target.requests(texts), length, seen)


async def measured(target: Target, requests: Sequence[Asked], length: int, seen: Seen) -> Round:
    """Send all at the same time and return what they cost. Raises RuntimeError where no answer is whole."""
    before = await quiet(target)
    taps = await tap_all(target.port, requests, target.mark, PATIENCE_S)
    after = await quiet(target)
    judge(target, taps, length, seen)
    made = Round(length, len(taps), {part: after[part] - before[part] for part in after})
    print(f"{target.name:10} {length:4} tokens  " + told(made), file=sys.stderr)
    return made


def told(made: Round) -> str:
    """Return a round's milliseconds a request, by part."""
    return "  ".join(f"{part} {made.each([part]):.2f} ms" for part in made.cost)


async def quiet(target: Target) -> Mapping[str, float]:
    """Wait until the server rests, for 5 s at the most, and return its cost so far."""
    at = target.cost()
    for _ in range(LOOKS):
        await asyncio.sleep(LOOK_S)
        last, at = at, target.cost()
        if sum(at.values()) - sum(last.values()) <= QUIET * LOOK_S:
            break
    return at


def judge(target: Target, taps: Sequence[Tap], length: int, seen: Seen) -> None:
    """Compare each answer with what the model said. Raises RuntimeError where none is whole."""
    wanted, whole = "".join(map(word, range(length))), 0
    for tap in taps:
        streamed = tap.status() == 200
        whole += streamed and target.text(tap.body()) == wanted
        if not streamed:
            seen.refused = bytes(tap.raw[-300:]).decode(errors="replace")
        elif tap.first:
            seen.firsts.append(1000 * (tap.first - tap.began))
    seen.answers += len(taps)
    seen.broken += len(taps) - whole
    if not whole:
        raise RuntimeError(f"none of {len(taps)} answers was whole; one began {bytes(taps[0].raw[-300:])!r}")
