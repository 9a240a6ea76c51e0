"""What must hold of the effects of a case: each journalled once, under one key, with what the receiver gave."""

from collections.abc import Sequence
from typing import Any

import orjson

from bench.chaos.client import Client
from bench.chaos.judge import DOUBLED, LOST, WRONG, Finding
from bench.chaos.plan import EDIT
from bench.chaos.receiver import Receiver
from bench.chaos.rig import Rig

Journal = dict[str, Any]
"""The result of each key; None where the effect was begun and is not done."""


async def judged(rig: Rig, clients: Sequence[Client]) -> list[Finding]:
    """Return what is not as it must be with the tool calls of the clients' runs."""
    callers = [client for client in clients if client.ask.calls and client.told.run and not client.followed]
    if not callers:
        return []
    names = ", ".join(f"'{client.thread}'" for client in callers)
    rows = await rig.rows(
        f"SELECT run_id, step, number, done_at, result FROM effects WHERE kind = 'tool' AND run_id IN ({names})"  # noqa: S608 - ids of our own
    )
    journals: dict[str, Journal] = {client.thread: {} for client in callers}
    for run, step, number, done, result in rows:
        made = orjson.loads(result) if isinstance(result, str) else result
        journals[run][f"{run}:{step}:{number}"] = made if done else None
    found: list[Finding] = []
    for client in callers:
        about = against(client, journals[client.thread], rig.receiver)
        found += [
            (kind, f"{client.name} ({client.told.run}, {client.ask.kind}): {what}") for kind, what in about
        ]
    return found


def against(client: Client, journal: Journal, receiver: Receiver) -> list[Finding]:
    """Return where the journal and the receiver do not say the same."""
    calls = receiver.of(client.case)
    found: list[Finding] = []
    for index in range(client.ask.calls):
        keys = sorted(key for key, made in calls.items() if made["call"] == index)
        if len(keys) > 1:
            found.append((DOUBLED, f"its call {index} was made under the keys {keys}"))
        if not keys and client.acts():
            found.append((LOST, f"its call {index} was never made"))
    if calls and not client.may_act():
        found.append((WRONG, f"it was not allowed and called {sorted(calls)}"))
    for key, made in calls.items():
        if made.get("edited", False) != (client.ask.reply == EDIT):
            found.append((WRONG, f"the call {key} was made with {made}, a person said {client.ask.reply!r}"))
        if key not in journal:
            found.append((WRONG, f"the call {key} is not in the journal"))
        if key in receiver.changed:
            found.append((WRONG, f"the call {key} came again with other arguments"))
    for key, result in journal.items():
        if result is None and client.acts():
            found.append((LOST, f"the journal has no result of {key}"))
        if result is not None and (key not in calls or result.get("text") != receiver.answer(key)):
            given = receiver.answer(key) if key in calls else "nothing"
            found.append((WRONG, f"the journal has {result} for {key}, the receiver gave {given}"))
    return found
