"""The sample documents of a first start, so that a newcomer has something to ask about."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from contracts.agents import AgentConfig
from contracts.identity import LOCAL
from server.jobs import Indexer
from server.parts import Parts
from store import agents, documents

MARK: Final = "sample.loaded"
"""In the data folder: the sample is loaded once, and stays away when it is deleted."""

EXAMPLES: Final = (
    "How many days of annual leave do I get?",
    "Who may approve a purchase of EUR 8,000?",
    "Can I work from abroad?",
    "What happens in my first week?",
)


logger = logging.getLogger("switchboard.sample")


async def load_sample(parts: Parts, indexer: Indexer, folder: Path) -> int:
    """Index the folder for the local tenant unless that was done before or documents are there; return how many."""
    mark = parts.wiring.ports.folder.path / MARK
    if mark.exists() or (await documents.listing(parts.database, LOCAL, 1))["items"]:
        return 0
    files = await asyncio.to_thread(lambda: sorted(path for path in folder.rglob("*") if path.is_file()))
    logger.info("Loading %d sample documents from %s", len(files), folder)
    named = [(path, f"{folder.name}/{path.relative_to(folder).as_posix()}") for path in files]
    await indexer(named, LOCAL.tenant, [], lambda stage, done, total: None)
    agent = await agents.get(parts.database, LOCAL)
    if agent.version == 0:
        await agents.put(parts.database, LOCAL, agent.id, AgentConfig(examples=list(EXAMPLES)))
    mark.touch()
    return len(files)
