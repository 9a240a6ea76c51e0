"""Ends that a process stored and did not live to tell: their logs get them, and the time to live of any other log."""

from collections.abc import Collection
from typing import Any

from server.log import Log, RunLog, log_key
from server.onward import onward
from server.takeover import Told, read_back
from store import line, messages
from store.engine import Database
from store.messages import Message


async def tell_ends(log: Log, database: Database, runs: Collection[line.Ended], ttl: float) -> int:
    """Tell the ends of these runs where their logs lack them; return how many.

    Nothing is said twice: a log that has an end, or is gone, stays as it is. Raises StoreUnavailable, SQLAlchemyError.
    """
    count = 0
    for run in runs:
        loose = RunLog(log_key(run.who.tenant, run.run_id), epoch=run.attempts)
        told = await read_back(log.redis, loose)
        if told.end is not None or not told.counts.total():
            continue
        await log.resume(loose)
        answer = await messages.answer_of(database, run.who, run.run_id)
        _bring(log, loose, told, answer["content"] if answer else "")
        goes_on = await onward(database, run.who, run.run_id, run.status, lambda _: 0.0)
        if goes_on and not told.counts[goes_on[0]]:
            log.append(loose, *goes_on)
        log.append(loose, *_end(run, answer), expire=ttl)
        await log.flush(loose)
        count += loose.broken is None
    return count


def _bring(log: Log, loose: RunLog, told: Told, text: str) -> None:
    """Bring the log to the text that was stored."""
    if not text.startswith(told.text):
        log.append(loose, "restart", {"reason": "The server stopped while it told this; here is the whole."})
        told.text = ""
    if rest := text[len(told.text) :]:
        log.append_text(loose, rest)


def _end(run: line.Ended, answer: Message | None) -> Any:
    if run.error is not None:
        return "error", run.error
    said = (
        {"text": answer["content"], "message_id": answer["id"]} if answer else {"text": "", "message_id": ""}
    )
    return "done", {"status": run.status, **said}
