"""What `switchboard eval ablate` measures beside the ranking: what a turn looks for, and parts of passages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from contracts.agents import AgentConfig
from contracts.errors import SetupError
from contracts.identity import Identity
from contracts.state import Sought
from evals import chunking, conversation, metrics
from evals.ablate import Group, Measured
from evals.conversation import Change, Talk
from evals.indexing import TENANT, open_indexed
from evals.result import Options


def said_by(talk: Talk, role: str) -> set[str]:
    """Return the beginnings of what was said, as `sought` has them."""
    return {turn["content"][:300] for turn in talk.turns if turn["role"] == role}


def without(role: str) -> Change:
    """Return the change that leaves out what one side said before."""
    return lambda talk, sought: (
        sought[:1] + [one for one in sought[1:] if one["text"] not in said_by(talk, role)]
    )


def alike(talk: Talk, sought: list[Sought]) -> list[Sought]:
    """Return all texts at the weight of the message."""
    return [{"text": one["text"], "weight": 1.0} for one in sought]


def latest(talk: Talk, sought: list[Sought]) -> list[Sought]:
    """Return the message and what weighs most beside it."""
    return sought[:2]


def alone(talk: Talk, sought: list[Sought]) -> list[Sought]:
    """Return the message."""
    return sought[:1]


CHANGES: Final[dict[tuple[str, str], Change]] = {
    ("what was said before", "left out"): alone,
    ("the answer before", "left out"): without("assistant"),
    ("the questions before", "left out"): without("user"),
    ("the question before the last", "left out, the answer too"): latest,
    ("weights by turn", "all alike"): alike,
}


async def conversations(options: Options, folder: Path) -> list[Group]:
    """Measure what a turn looks for, on conversations with judgements."""
    if options.ingest is None:
        raise SetupError("The suite indexes documents: start it as `switchboard eval ablate`.")
    talks = conversation.talks_of(folder)
    documents = conversation.pool(folder)
    async with open_indexed(documents, options.ingest, options.cache, options.tell, options.say) as wiring:
        ways = await conversation.ways_of(wiring, CHANGES)
        found = await conversation.ask_all(talks, ways, options)
    base, *changed = (
        Measured(piece, change, of_talks(talks, found[name]))
        for piece, change, name in [
            ("as it is", "", "rewriting"),
            *((*key, " ".join(key)) for key in CHANGES),
        ]
    )
    return [Group(folder.name, f"{len(documents):,} passages", base, changed, ("ndcg@5", "recall@5"))]


def of_talks(talks: Sequence[Talk], found: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """Return each figure of each conversation."""
    pairs = list(zip(found, talks, strict=True))
    return {
        "ndcg@5": [metrics.ndcg(one, talk.relevant, 5) for one, talk in pairs],
        "recall@5": [metrics.recall(one, talk.relevant, 5) for one, talk in pairs],
    }


async def excerpts(options: Options, folder: Path) -> list[Group]:
    """Measure parts of passages against whole ones, within each number of tokens."""
    if options.ingest is None:
        raise SetupError("The suite indexes documents: start it as `switchboard eval ablate`.")
    documents = chunking.corpora(folder)
    wanted = chunking.questions(folder, {document.source: document.text for document in documents})
    async with open_indexed(documents, options.ingest, options.cache, options.tell, options.say) as wiring:
        whole = wiring.retriever(Identity(TENANT, "eval"), AgentConfig(), limit=chunking.CHUNKS)
        found = await chunking.ask_all(wanted, whole, options)
    groups: list[Group] = []
    for prefix, tokens in chunking.TOKENS.items():
        parts, passages = (
            [chunking.fit(one, spans) for one, spans in zip(wanted, found[name], strict=True)]
            for name in (prefix, f"{prefix}whole.")
        )
        base, changed = (
            Measured(
                piece, change, {name: [getattr(one, name) for one in fits] for name in ("recall", "iou")}
            )
            for piece, change, fits in (
                ("as it is", "", parts),
                ("parts of passages", "whole passages", passages),
            )
        )
        groups.append(
            Group(f"{folder.name} {tokens} tokens", "5 corpora", base, [changed], ("recall", "iou"))
        )
    return groups
