"""`switchboard doctor`: each dependency, what was found, and what to do."""

import argparse
import asyncio
import json
import platform
import shutil
import sys
from typing import Any, Final

import httpx
from rich.console import Console
from rich.table import Table

from contracts.errors import SwitchboardError
from graph.wiring import open_wiring
from ports import weights
from ports.folder import Owner, owner_of
from ports.settings import Settings
from server.checks import checks_of, run_check

LEAST_DISK: Final = 1_000_000_000
COLOURS: Final = {"healthy": "green", "degraded": "yellow", "error": "red"}
ADVICE: Final = {
    "log": "Check SWITCHBOARD_REDIS_URL, or unset it to use the embedded Valkey.",
    "database": "Check SWITCHBOARD_DATABASE_URL, or unset it to use SQLite in the data folder.",
    "index": "Check SWITCHBOARD_QDRANT_URL, or unset it to use the embedded index.",
    "embedder": "Check that the embedding model is on the Ollama host, or unset SWITCHBOARD_MODEL_EMBEDDING.",
    "models": "Check SWITCHBOARD_OLLAMA_URLS and that `ollama list` shows the models there.",
    "weights": "Run `make setup` again.",
    "disk": "Free disk space, or set SWITCHBOARD_DATA_DIR to a larger disk.",
    "python": "Use Python 3.11, 3.12 or 3.13.",
    "start": "Mend this first; the other dependencies were not asked.",
}
Row = tuple[str, str, str]


def main(arguments: list[str]) -> int:
    """Check everything, print a table, and return 1 where something is wrong."""
    parser = argparse.ArgumentParser(
        prog="switchboard doctor", description="Check each part and say what to do."
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options = parser.parse_args(arguments)
    rows = [*machine(Settings()), *asyncio.run(dependencies(Settings()))]
    if options.json:
        print(json.dumps({name: {"state": state, "detail": detail} for name, state, detail in rows}))
    else:
        show(rows)
    return 1 if any(state == "error" for _, state, _ in rows) else 0


def show(rows: list[Row]) -> None:
    """Print the table, with advice for what is not healthy."""
    table = Table("part", "state", "what was found", box=None, pad_edge=False)
    for name, state, detail in rows:
        advice = f"\n{ADVICE[name]}" if state != "healthy" else ""
        table.add_row(name, f"[{COLOURS[state]}]{state}[/]", f"{detail}{advice}")
    Console(width=max(80, shutil.get_terminal_size().columns)).print(table)


def machine(settings: Settings) -> list[Row]:
    """Return what can be said without opening anything."""
    version = platform.python_version()
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    place = settings.data_dir if settings.data_dir.exists() else settings.data_dir.absolute().parent
    free = shutil.disk_usage(place).free if place.exists() else 0
    rows = [
        ("python", "healthy" if supported else "error", version),
        (
            "disk",
            "healthy" if free > LEAST_DISK else "error",
            f"{free / 1e9:.1f} GB free for {settings.data_dir}",
        ),
    ]
    try:
        for pinned in (weights.MINILM, weights.TOKENIZER, weights.SMOLLM2):
            weights.require(pinned, settings.models_dir)
        rows.append(("weights", "healthy", "MiniLM-L6 and SmolLM2-135M have the pinned sha256"))
    except SwitchboardError as error:
        rows.append(("weights", "error", error.message))
    return rows


async def dependencies(settings: Settings) -> list[Row]:
    """Return the state of each dependency, asked of the running server or of parts opened for it."""
    owner = owner_of(settings.data_dir)
    if owner is not None:
        return await _asked(owner)
    try:
        async with open_wiring(settings) as wiring:
            return [(name, *await run_check(check)) for name, check in checks_of(wiring).items()]
    except SwitchboardError as error:
        return [("start", "error", error.message)]


async def _asked(owner: Owner) -> list[Row]:
    try:
        async with httpx.AsyncClient(base_url=owner.url, timeout=20) as client:
            found: dict[str, Any] = (await client.get("/api/v1/health")).json()["dependencies"]
    except httpx.HTTPError as error:
        return [
            ("start", "error", f"Process {owner.pid} owns the data folder but does not answer ({error}).")
        ]
    return [(name, one["state"], one["detail"]) for name, one in found.items()]
