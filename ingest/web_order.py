"""An address that was handed to the server: its job's file says what to do with it."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.parts import Parts
from ingest.report import Progress, Report
from ingest.web import take_in
from ingest.web_fetch import Pace, limits_from, open_web

if TYPE_CHECKING:
    from ports.settings import Settings


async def take_order(
    order: Path,
    address: str,
    tenant: str,
    parts: Parts,
    settings: "Settings",
    *,
    pace: Pace,
    groups: Sequence[str] | None,
    progress: Progress,
) -> Report:
    """Fetch and index what the order is about; `pace`: shared by all orders, so that they share their manners."""
    wanted = json.loads(await asyncio.to_thread(order.read_text))
    async with open_web(limits_from(settings), pace=pace) as web:
        return await take_in(
            [address],
            tenant,
            parts,
            web,
            groups=groups,
            sitemap=wanted["sitemap"],
            prune=wanted["prune"],
            patient=False,
            progress=progress,
        )
