"""The suite `conversation`: does the last message of a conversation find what it is about.

Asks the nodes that the server uses, `understand` and `retrieve`, on an index of the pool; beside them the last
message as it stands, and all messages of the user joined. Constants were chosen on the half that is not held out.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from langgraph.runtime import Runtime

from contracts.agents import AgentConfig, ModelChoice
from contracts.context import Context, Unjournalled
from contracts.documents import Document, Section
from contracts.errors import SetupError, UnreadableDocument
from contracts.identity import Identity
from contracts.state import RunState, Sought, Turn
from evals import bootstrap, metrics
from evals.bootstrap import Estimate
from evals.cases import json_lines, one_of, qrels, require_folder, text
from evals.handbook import AGENT, QuietDesk
from evals.indexing import TENANT, open_indexed
from evals.result import Bar, Options, Result, Table, with_interval
from graph.wiring import Wiring
from models.chat import PoolChat
from nodes.prompt import user_text
from nodes.retrieve import retrieve
from nodes.understand import understand
from retrievers.hybrid import HybridRetriever

CHUNKS: Final = 30
"""Chunks that are asked for: several may be of one passage of the pool, which counts once at its best."""
GAIN: Final = 0.06
"""nDCG@5 that rewriting has to gain over the last message alone (issue 4)."""
ROLES: Final = {"user": "user", "agent": "assistant"}


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation up to the message that is answered."""

    id: str
    turns: list[Turn]
    """What was said before it."""
    question: str
    relevant: dict[str, float]
    held_out: bool
    """Not of the half on which constants were chosen."""


Way = Callable[[Talk], Awaitable[list[str]]]
"""Returns the sources found, best first."""
Change = Callable[[Talk, list[Sought]], list[Sought]]
"""Returns what is looked for in place of what the server looks for."""


async def run(options: Options) -> Result:
    """Index the pool, ask each way, and return the figures. Raises SwitchboardError."""
    if options.ingest is None:
        raise SetupError(
            "The conversation suite indexes documents: start it as `switchboard eval conversation`."
        )
    require_folder(options.data)
    talks = talks_of(options.data)
    async with open_indexed(
        pool(options.data), options.ingest, options.cache, options.tell, options.say
    ) as wiring:
        ways = await ways_of(wiring)
        found = await ask_all(talks, ways, options)
    return result_of(options.data.resolve().name, talks, found)


def pool(folder: Path) -> list[Document]:
    """Return the passages, each a document of its own."""
    path = one_of(folder, "pool_corpus.jsonl.gz", "pool_corpus.jsonl")
    rows = [
        (text(row, "_id", where), str(row.get("title") or ""), text(row, "text", where))
        for where, row in json_lines(path)
    ]
    return [Document(id, title, body, (Section(0, len(body)),)) for id, title, body in rows]


def talks_of(folder: Path) -> list[Talk]:
    """Return the conversations whose last message has a judgement. Raises UnreadableDocument."""
    relevant = qrels(one_of(folder, "mtragun_qrels.tsv", "qrels.tsv"))
    talks: list[Talk] = []
    for where, row in json_lines(one_of(folder, "mtragun_reference.jsonl.gz", "mtragun_reference.jsonl")):
        id = text(row, "task_id", where)
        if id in relevant:
            turns = [turn(one, where) for one in row.get("input") or []]
            if not turns or turns[-1]["role"] != "user":
                raise UnreadableDocument(f"{where}: `input` must end with a message of the user.")
            held_out = bool(hashlib.sha256(text(row, "conversation_id", where).encode()).digest()[0] % 2)
            talks.append(Talk(id, turns[:-1], turns[-1]["content"], relevant[id], held_out))
    if not talks:
        raise UnreadableDocument(f"No conversation in {str(folder)!r} has a judgement.")
    return talks


def turn(row: Any, where: str) -> Turn:
    """Return one message. Raises UnreadableDocument."""
    role = ROLES.get(str(row.get("speaker")))
    if role is None:
        raise UnreadableDocument(f"{where}: a speaker is `user` or `agent`, found {row.get('speaker')!r}.")
    return {"role": role, "content": text(row, "text", where)}  # pyright: ignore[reportReturnType] - one of the two


async def ways_of(wiring: Wiring, changes: Mapping[tuple[str, str], Change] | None = None) -> dict[str, Way]:
    """Return what is compared, by name; `rewriting` is what the server does without a model.

    With changes to what is looked for, they stand beside it in place of the others.
    """
    who, agent = Identity(TENANT, "eval"), AgentConfig()
    retriever = wiring.retriever(who, agent, limit=CHUNKS)
    context = await wiring.context(who, AGENT, "eval", 0.0, _nowhere, QuietDesk(), _nothing, queued=False)
    context = replace(context, retriever=retriever, journal=Unjournalled())

    plain = replace(context, chat=_model(wiring, rewrites=False))
    if changes is not None:
        return {
            "rewriting": through(plain),
            **{" ".join(name): through(plain, change) for name, change in changes.items()},
        }

    async def last(talk: Talk) -> list[str]:
        return await _sources(retriever, talk.question)

    async def joined(talk: Talk) -> list[str]:
        asked = [one["content"] for one in talk.turns if one["role"] == "user"]
        return await _sources(retriever, " ".join([*asked, talk.question]))

    return {
        "last": last,
        "joined": joined,
        "rewriting": through(plain),
        "model": through(replace(context, chat=_model(wiring, rewrites=True))),
    }


async def _sources(retriever: HybridRetriever, query: str) -> list[str]:
    return list(dict.fromkeys(str(one.metadata["source"]) for one in await retriever.ainvoke(query)))


def _model(wiring: Wiring, *, rewrites: bool) -> PoolChat:
    """Return the models with the one that rewrites: Ollama's fast one, else the packaged one."""
    name = wiring.ports.settings.model_fast if wiring.ports.hosts else wiring.ports.llama_name
    return PoolChat(wiring.pool, ModelChoice(primary=name, fast=name), user_text, rewrites=rewrites)


def through(context: Context, change: Change | None = None) -> Way:
    """Return the way through the server's own nodes; small talk looks nothing up, as in the server."""

    async def way(talk: Talk) -> list[str]:
        runtime = Runtime(context=context)
        state: Any = {"question": talk.question, "turns": talk.turns}
        state |= await understand(state, runtime)
        if state["task"] == "smalltalk" or state["intent"] == "person":
            return []
        if change and state["sought"]:
            state["sought"] = change(talk, state["sought"])
        found = await retrieve(state, runtime)
        return list(dict.fromkeys(passage["source"] for passage in found["passages"]))

    return way


async def _nowhere(text: str) -> None:
    """Send nothing: no answer is written."""


async def _nothing(state: RunState) -> None:
    """Record nothing: no run stands behind it."""


async def ask_all(
    talks: Sequence[Talk], ways: dict[str, Way], options: Options
) -> dict[str, list[list[str]]]:
    """Return what each way found for each conversation."""
    found: dict[str, list[list[str]]] = {name: [] for name in ways}
    for number, talk in enumerate(talks, 1):
        for name, way in ways.items():
            found[name].append(await way(talk))
        options.tell("asking", number, len(talks))
    return found


def result_of(data: str, talks: Sequence[Talk], found: dict[str, list[list[str]]]) -> Result:
    """Return the figures of each way, on all conversations and on those that were held out."""
    scores = {
        name: [metrics.ndcg(one, talk.relevant, 5) for one, talk in zip(each, talks, strict=True)]
        for name, each in found.items()
    }
    recall = {
        name: [metrics.recall(one, talk.relevant, 5) for one, talk in zip(each, talks, strict=True)]
        for name, each in found.items()
    }
    held = np.array([talk.held_out for talk in talks])
    flat: dict[str, Estimate] = {}
    rows: list[list[str]] = []
    for name in found:
        prefix = "" if name == "rewriting" else f"{name}."
        gain = np.subtract(scores[name], scores["last"])
        cells = {
            f"{prefix}ndcg@5": bootstrap.mean(scores[name]),
            f"{prefix}recall@5": bootstrap.mean(recall[name]),
            f"{prefix}gain": bootstrap.mean(gain),
            f"{prefix}held_out.gain": bootstrap.mean(gain[held]) if held.any() else bootstrap.mean(gain),
        }
        flat |= cells
        rows.append([name, *(with_interval(key, one) for key, one in cells.items())])
    result = Result("conversation", data, len(talks), flat)
    ahead, apart = flat["gain"], flat["held_out.gain"]
    result.bars = [
        Bar(
            f"rewriting without a model gains {one.value:+.3f} nDCG@5 over the last message on {where}, "
            f"at least {GAIN} is asked",
            one.value >= GAIN,
        )
        for one, where in ((ahead, "all"), (apart, "the conversations held out"))
    ]
    head = [
        "searched with",
        "nDCG@5",
        "recall@5",
        "gain in nDCG@5 over the last message",
        "the same, held out",
    ]
    result.tables = [Table("What is looked for", head, rows, "In parentheses: 95% bootstrap intervals.")]
    result.notes.append(f"{len(talks)} conversations, {int(held.sum())} of them held out.")
    return result
