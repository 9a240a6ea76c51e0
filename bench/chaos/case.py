"""One case: its clients and its faults at the same time, then the judgement."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.chaos import effects
from bench.chaos.client import Client
from bench.chaos.judge import LOST, Finding, judge
from bench.chaos.person import seconds
from bench.chaos.plan import Case
from bench.chaos.rig import Rig
from bench.chaos.strike import Striker

LIMIT_S: Final = 120.0
"""Longest that a client follows its answer."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A case that is over."""

    case: Case
    clients: Sequence[Client]
    findings: Sequence[Finding]


async def play(rig: Rig, case: Case, striker: Striker, heard: Callable[[Client, float], None]) -> Ended:
    """Play the case and judge it."""
    talks = [
        [Client(rig, ask, f"{case.number}-{n}-{m}", heard) for m, ask in enumerate(talk)]
        for n, talk in enumerate(case.conversations)
    ]
    clients = [client for talk in talks for client in talk]
    faults = [asyncio.create_task(striker.strike(fault, clients)) for fault in case.faults]
    lives = [asyncio.create_task(_talk(rig, talk, clients)) for talk in talks]
    _, late = await asyncio.wait(lives, timeout=LIMIT_S)
    for one in late:
        one.cancel()
    await asyncio.gather(*faults)
    failed = [life.exception() for life in lives if not life.cancelled() and life.done() and life.exception()]
    for error in failed:
        assert error is not None
        raise error
    findings = [*await judge(rig, clients, case.faults), *await effects.judged(rig, clients)]
    if not case.faults and not rig.held.files:
        rig.held.learn_files(rig.nodes)
    findings += [(LOST, f"{len(late)} conversations were not over after {LIMIT_S:.0f} s")] if late else []
    return Ended(case, clients, findings)


async def _talk(rig: Rig, talk: Sequence[Client], clients: list[Client]) -> None:
    """Send the conversation's messages at their moments and follow all answers, those that people let go on too."""
    await asyncio.sleep(talk[0].ask.at)
    _, made = await rig.any("POST", "/messaging/conversations", {})
    followed = [asyncio.create_task(talk[0].live(made["id"]))]
    try:
        for before, client in itertools.pairwise(talk):
            await before.known.wait()
            await asyncio.sleep(client.ask.at)
            before.replaced = client.ask.policy == "interrupt"
            followed.append(asyncio.create_task(client.live(made["id"])))
        await asyncio.gather(*followed)
        async for client in seconds(talk[0], clients):
            await client.live(made["id"])
    finally:
        for one in followed:
            one.cancel()
        await asyncio.gather(*followed, return_exceptions=True)
