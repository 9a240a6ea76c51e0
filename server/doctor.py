"""`switchboard doctor`: each dependency, what was found, and what to do.

It reports what breaks and does not break with it: what it opens is imported where it is opened.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from contracts.errors import Internal, SwitchboardError
from contracts.identity import LOCAL

if TYPE_CHECKING:
    from ports.folder import Owner
    from ports.settings import Settings

LEAST_DISK: Final = 1_000_000_000
PATIENCE_S: Final = 5.0
"""Longest wait for a connection to a server."""
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
    "packages": "Run `make setup` again.",
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
    from ports.settings import Settings

    settings = Settings()
    rows = [*machine(settings), *asyncio.run(dependencies(settings))]
    if options.json:
        print(json.dumps({name: {"state": state, "detail": detail} for name, state, detail in rows}))
    else:
        show(rows)
    return 1 if any(state == "error" for _, state, _ in rows) else 0


def show(rows: list[Row]) -> None:
    """Print the table, with advice for what is not healthy. Brackets in a detail are text, not colours."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("part", "state", "what was found", box=None, pad_edge=False)
    for name, state, detail in rows:
        advice = f"\n{ADVICE[name]}" if state != "healthy" else ""
        table.add_row(name, Text(state, COLOURS[state]), Text(f"{detail}{advice}"))
    Console(width=max(80, shutil.get_terminal_size().columns)).print(table)


def machine(settings: "Settings") -> list[Row]:
    """Return what can be said without opening anything."""
    version = platform.python_version()
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    free = shutil.disk_usage(standing(settings.data_dir)).free
    disk = f"{free / 1e9:.1f} GB free for {settings.data_dir}"
    return [
        ("python", "healthy" if supported else "error", version),
        ("disk", "healthy" if free > LEAST_DISK else "error", disk),
        ("ocr", "healthy", ocr()),
        weights_of(settings),
    ]


def ocr() -> str:
    """Return whether scanned pages can be read; they are an extra, so that nothing is wrong where they cannot."""
    if find_spec("rapidocr") is not None:
        return "RapidOCR reads scanned pages and pictures"
    return "not installed: scanned pages are named and left out (pip install 'switchboard[ocr]')"


def standing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists: the first start makes the rest."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def weights_of(settings: "Settings") -> Row:
    """Return whether the packaged models are the pinned ones."""
    from ports import weights

    try:
        for pinned in (weights.MINILM, weights.TOKENIZER, weights.SMOLLM2):
            weights.require(pinned, settings.models_dir)
    except SwitchboardError as error:
        return "weights", "error", error.message
    return "weights", "healthy", "MiniLM-L6 and SmolLM2-135M have the pinned sha256"


async def dependencies(settings: "Settings") -> list[Row]:
    """Return the state of each dependency, asked of the running server or of parts opened for it."""
    from ports.folder import owner_of

    owner = owner_of(settings.data_dir)
    if owner is not None:
        return await _asked(owner)
    found = await unreachable(settings)
    names = {name for name, _, _ in found}
    if names & {"database", "index"}:  # without them nothing opens
        return found
    opened = await _opened(settings)
    return [*found, *(row for row in opened if row[0] not in names | {"start"})] if found else opened


async def unreachable(settings: "Settings") -> list[Row]:
    """Return the servers that the settings name and nobody answers for; the opened parts could not tell them apart."""
    rows: list[Row] = []
    for name, url, port in servers(settings):
        try:
            parsed = urlsplit(url)
            host, port = parsed.hostname, parsed.port or port
        except ValueError as error:
            rows.append((name, "error", f"The URL cannot be read: {error}."))
            continue
        if host and (fault := await refusal(host, port)):
            rows.append((name, "error", f"Nobody answers at {host}:{port} ({fault})."))
    return rows


def servers(settings: "Settings") -> Iterator[tuple[str, str, int]]:
    """Yield the servers that the settings name: part, URL and usual port."""
    if settings.redis_url:
        yield "log", settings.redis_url.get_secret_value(), 6379
    if settings.database_url:
        yield "database", settings.database_url.get_secret_value(), 5432
    if settings.qdrant_url:
        yield "index", settings.qdrant_url, 6333


async def refusal(host: str, port: int) -> str:
    """Return why no connection comes about; "" where one does."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return f"no answer within {PATIENCE_S:.0f} s"
    except OSError as error:
        return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
    writer.close()
    return ""


async def _opened(settings: "Settings") -> list[Row]:
    """Return the state of each dependency of parts that are opened for it."""
    try:
        from graph.failures import known
        from graph.wiring import open_wiring
        from server.checks import checks_of, run_check
    except ImportError as error:
        return [("packages", "error", f"The Python package {error.name} cannot be imported: {error}.")]
    try:
        async with open_wiring(settings) as wiring:
            return [(name, *await run_check(check)) for name, check in checks_of(wiring).items()]
    except Exception as failure:  # noqa: BLE001 - whatever keeps the parts from opening is what was asked for
        meant = known(failure)
        unknown = f"{type(failure).__name__}: {failure}"
        return [("start", "error", unknown if isinstance(meant, Internal) else meant.message)]


async def _asked(owner: "Owner") -> list[Row]:
    import httpx

    from server.question import client_of

    try:
        async with client_of(owner, LOCAL.tenant) as client:
            found: dict[str, Any] = (await client.get("/api/v1/health")).json()["dependencies"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return [
            ("start", "error", f"Process {owner.pid} owns the data folder but does not answer ({error}).")
        ]
    return [(name, one["state"], one["detail"]) for name, one in found.items()]
