"""What must hold after a case: of each client, of the database, and of what is left."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final

import orjson

from bench.chaos.client import Client, Told
from bench.chaos.model import whole
from bench.chaos.plan import CHECK, EDIT, FAILING, REJECT, TICKET, Fault
from bench.chaos.rig import Rig
from bench.chaos.strike import OUTAGES
from bench.chaos.wire import BROKEN, request
from bench.lines import word

PATIENCE_S: Final = 40.0
"""Seconds within which everything is cleared away."""
TIDY_S: Final = 75.0
"""Seconds within which the others have cleared away what a dead process left of runs that have ended."""
LOST, DOUBLED, WRONG, LEFT = "lost", "duplicated", "wrong", "left"

Finding = tuple[str, str]
"""Its kind, and what it is."""


async def judge(rig: Rig, clients: Sequence[Client], faults: Sequence[Fault]) -> list[Finding]:
    """Return all that is not as it must be once a case is over."""
    runs = {client.told.run: client for client in clients if client.told.run}
    await _until_ended(rig, runs)
    stored = await Stored.of(rig, runs)
    found = await _left(rig, runs)
    for client in clients:
        about = [*client_alone(client), *stored.against(client), *explained(client, faults)]
        if client.told.ends:
            about += await _replayed(rig, client)
        found += [
            (kind, f"{client.name} ({client.told.run}, {client.ask.kind}): {what}") for kind, what in about
        ]
    return found


def client_alone(client: Client) -> list[Finding]:
    """Return what a client knows to be wrong by itself."""
    told, found = client.told, [(WRONG, what) for what in client.wrong]
    if client.refused:
        allowed = client.ask.policy == "reject"
        return found if allowed else [*found, (LOST, "its message was refused")]
    if not told.ends:
        return [*found, (LOST, "it never ended")]
    if len(told.ends) > 1:
        found.append((DOUBLED, f"it ended {len(told.ends)} times"))
    if not told.rising():
        found.append((DOUBLED, "its ids do not rise"))
    name, data = told.ends[0]
    if name == "done" and data["text"] != told.text:
        found.append((WRONG, f"it shows {told.text!r}, done says {data['text']!r}"))
    if name == "done" and data["status"] == "completed" and not _as_said(client):
        found.append((WRONG, f"the model never said {told.text!r}"))
    return found


def _as_said(client: Client) -> bool:
    text = client.told.text
    if client.ask.kind == TICKET:
        return True
    if client.ask.kind == CHECK and client.ask.reply == EDIT:
        return text == client.edited()
    if client.ask.policy:  # a follow-up is rewritten by the model: it counts as far as it will
        return text == "".join(map(word, range(len(text.split()))))
    return text == whole(client.ask)


def explained(client: Client, faults: Sequence[Fault]) -> list[Finding]:
    """Return an end that nothing explains."""
    if client.refused or not client.told.ends:
        return []
    name, data = client.told.ends[0]
    outage = any(fault.kind in OUTAGES for fault in faults)
    if name == "error":
        asked_for = client.ask.kind in FAILING and data["code"] == "model_unavailable"
        by_outage = outage and data["code"] == "store_unavailable"
        given_up = client.deaths > 2 and data["code"] == "given_up"
        passing = data["retryable"] and (asked_for or by_outage or client.deaths > 2)
        if not (given_up or passing):
            return [(WRONG, f"nothing explains its error {data}")]
        return []
    wanted = _wanted(client)
    if client.ask.cancel or client.replaced:
        wanted.add("cancelled")
    if client.ask.kind in FAILING or data["status"] not in wanted:
        return [(WRONG, f"nothing explains its end {data['status']!r}")]
    if client.cancelled is not None and client.cancelled["status"] == "cancelled" != data["status"]:
        return [(WRONG, f"it was stopped and ended {data['status']!r}")]
    return []


def _wanted(client: Client) -> set[str]:
    """Return the ends that the message itself explains."""
    match client.ask.kind:
        case "ticket":
            return {"escalated", "completed"}
        case "ask" | "check" if client.followed:
            return {"interrupted"}
        case "check" if client.ask.reply == REJECT:
            return {"refused"}
        case _:
            return {"completed"}


class Stored:
    """What the database has of the case's runs."""

    def __init__(
        self, answers: list[Any], questions: list[Any], tickets: list[Any], effects: list[Any]
    ) -> None:
        self._answers = {run: (text, status) for run, text, status in answers}
        self._count = Counter(run for run, _, _ in answers)
        self._asked = Counter((conversation, text) for conversation, text in questions)
        self._tickets = Counter(run for (run,) in tickets)
        self._effects = Counter(run for (run,) in effects)

    @classmethod
    async def of(cls, rig: Rig, runs: Collection[str]) -> "Stored":
        """Read what concerns the runs."""
        names = ", ".join(f"'{run}'" for run in runs) or "''"
        return cls(
            await rig.rows(
                f"SELECT run_id, content, status FROM messages WHERE role = 'assistant' AND run_id IN ({names})"  # noqa: S608 - ids of our own
            ),
            await rig.rows("SELECT conversation_id, content FROM messages WHERE role = 'user'"),
            await rig.rows(f"SELECT run_id FROM escalations WHERE run_id IN ({names})"),  # noqa: S608 - as above
            await rig.rows(f"SELECT run_id FROM effects WHERE kind = 'ticket' AND run_id IN ({names})"),  # noqa: S608 - as above
        )

    def against(self, client: Client) -> list[Finding]:
        """Return where the database does not say what the client shows."""
        asked = self._asked[client.conversation, client.content]
        found: list[Finding] = [(DOUBLED, f"its message is stored {asked} times")] if asked > 1 else []
        if client.refused or not client.told.ends:
            return found
        run, (_, data) = client.told.run, client.told.ends[0]
        if asked == 0:
            found.append((LOST, "its message is not stored"))
        if self._count[run] != 1:
            return [
                *found,
                (LOST if not self._count[run] else DOUBLED, f"{self._count[run]} answers are stored"),
            ]
        text, status = self._answers[run]
        if text != client.told.text:
            found.append((WRONG, f"it shows {client.told.text!r}, stored is {text!r}"))
        if status != data.get("status", "failed"):
            found.append((WRONG, f"it ended {data.get('status', 'failed')!r}, stored is {status!r}"))
        if client.ask.kind == TICKET and status == "escalated" and self._tickets[run] != 1:
            found.append((DOUBLED if self._tickets[run] else LOST, f"{self._tickets[run]} tickets"))
        return found


async def _replayed(rig: Rig, client: Client) -> list[Finding]:
    """Return where the log, read from its beginning, is not what the client was told."""
    told = Told()
    node = rig.servers[client.connections % len(rig.servers)]
    try:
        async with asyncio.timeout(PATIENCE_S):  # heartbeats keep a stream without an end open for ever
            reply = await request(node.port, "GET", f"/messaging/runs/{client.told.run}/stream")
            async for frame in reply.frames():
                told.take(frame)
            reply.drop()
    except BROKEN as error:
        return [(LOST, f"its log cannot be read again: {type(error).__name__}")]
    found: list[Finding] = []
    if len(told.ends) != 1:
        found.append((LOST if not told.ends else DOUBLED, f"its log has {len(told.ends)} ends"))
    elif client.told.ends and (told.text, told.ends[0][0]) != (client.told.text, client.told.ends[0][0]):
        found.append((WRONG, f"read again it shows {told.text!r} and not {client.told.text!r}"))
    if not told.rising():
        found.append((DOUBLED, "the ids of its log do not rise"))
    held = told.ids if client.told.from_log else told.ids[: len(client.told.ids)]
    anew = told.gaps or told.anew or client.told.gaps or client.told.anew
    if not anew and held != client.told.ids:
        missing = len(set(told.ids) - set(client.told.ids))
        found.append((LOST, f"{missing} of its log's {len(told.ids)} events were not sent"))
    return found


async def _until_ended(rig: Rig, runs: Collection[str]) -> None:
    until = asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < until:
        if not await rig.unfinished():
            return
        await asyncio.sleep(0.2)


async def _left(rig: Rig, runs: Collection[str]) -> list[Finding]:
    """Return what is not cleared away within PATIENCE_S."""
    until = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        found = await _there(rig, runs)
        if not found or asyncio.get_running_loop().time() > until:
            rig.given_up |= await rig.unfinished() | set(await _late(rig, TIDY_S))
            return [(LEFT, what) for what in found]
        await asyncio.sleep(0.5)


async def _late(rig: Rig, patience: float) -> list[str]:
    """Return the runs whose checkpoints were there for longer than that behind their ends."""
    now = asyncio.get_running_loop().time()
    rig.lingering = {run: rig.lingering.get(run, now) for run in await rig.kept() - rig.given_up}
    return sorted(run for run, since in rig.lingering.items() if now - since > patience)


async def tidied(rig: Rig) -> list[Finding]:
    """Return what is still there when all cases are over and everybody had the time to clear it away."""
    until = asyncio.get_running_loop().time() + TIDY_S
    while True:
        kept = await rig.kept() - rig.given_up
        if not kept or asyncio.get_running_loop().time() > until:
            break
        await asyncio.sleep(0.5)
    return [(LEFT, f"checkpoints of {len(kept)} runs when all is over: {sorted(kept)[:3]}")] if kept else []


async def _there(rig: Rig, runs: Collection[str]) -> list[str]:
    found = [f"runs without an end: {sorted(rest)}"] if (rest := await rig.unfinished()) else []
    if late := await _late(rig, TIDY_S):
        found.append(f"checkpoints of {len(late)} runs that ended {TIDY_S:.0f} s ago and more: {late[:3]}")
    living = {owner for node in rig.nodes for owner in node.owners}
    leases = await rig.leases()
    if len(leases) != len(rig.nodes) or leases - living:
        found.append(f"{len(leases)} leases of {len(rig.nodes)} processes")
    found += await rig.held.beyond(rig.nodes)
    endless = await rig.without_expiry()
    if endless:
        found.append(f"keys that never go: {endless[:3]}")
    return found


def printed(findings: Sequence[Finding]) -> str:
    """Return the findings as one JSON array a line."""
    return "\n".join(orjson.dumps(one).decode() for one in findings)
