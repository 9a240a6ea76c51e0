"""`switchboard bench formats`: what converters make of the files of `eval ingest`, beside our own loaders.

Each converter runs in a virtual environment of its own, made on demand. What it does not read counts as 0.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.peers.install import CACHE, ensure
from evals.fidelity import Reading, Sample, compared, read, samples
from ingest.load import load

HERE: Final = Path(__file__).parent / "peers" / "converters"
PINS: Final = HERE / "pins.toml"
SETS: Final = ("docling_tests", "pypdf_samples")
PEERS: Final = "kreuzberg,markitdown,pypdf-docx,pdfplumber,pdf-oxide"
OURS: Final = ("olefile", "python_calamine", "pypdfium2", "pypdfium2_raw", "lxml", "charset_normalizer")
"""The packages that our loaders need and the rest of the program does not."""
LIMIT_S: Final = 600
FAMILIES: Final = {"doc": "doc, ppt, xls", "ppt": "doc, ppt, xls", "xls": "doc, ppt, xls"}
"""Formats of so few files that they share a row."""


def run(*, json: bool = False, peers: str = PEERS) -> int:
    """Measure ours and the peers; returns 0."""
    found = [sample for name in SETS for sample in samples(data() / name)]
    read(found[0], load)
    results = {"ours": [read(sample, load) for sample in found]}
    sizes = {"ours": megabytes(Path(np.__file__).parents[1], OURS)}
    for name in filter(None, peers.split(",")):
        results[name], sizes[name] = asyncio.run(measured(name, found))
    show(results, sizes, Console(stderr=json))
    if json:
        print(body(results, sizes))
    return 0


def data() -> Path:
    """Return where the evaluation data lies."""
    return Path(os.environ.get("SWITCHBOARD_DATA", "../shared/data"))


async def measured(name: str, found: Sequence[Sample]) -> tuple[list[Reading], float]:
    """Return what a converter makes of the files, and the megabytes of its environment."""
    environment = await ensure(name, CACHE / "converters", PINS)
    python = environment / "bin" / "python"
    process = await asyncio.create_subprocess_exec(
        str(python), str(HERE / "convert.py"), name, limit=200_000_000,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    asked = "".join(f"{sample.path.resolve()}\n" for sample in found).encode()
    async with asyncio.timeout(LIMIT_S):
        said, _ = await process.communicate(asked)
    answers = [json.loads(line) for line in said.decode().split("\n") if line]
    readings = [reading(sample, answer) for sample, answer in zip(found, answers, strict=False)]
    lost = [
        reading(sample, {"text": "", "error": "the process ended", "cpu": 0})
        for sample in found[len(answers) :]
    ]
    return [*readings, *lost], megabytes(environment / "lib")


def reading(sample: Sample, answer: Mapping[str, Any]) -> Reading:
    """Return a converter's answer as one of ours."""
    text = str(answer["text"])
    refused = str(answer["error"]) or ("" if text.strip() else "no text")
    cpu = float(answer["cpu"])
    return Reading(sample, text, refused, "", cpu, cpu, *compared(text, sample.reference))


def megabytes(folder: Path, names: Sequence[str] = ()) -> float:
    """Return the size of a folder, or of some packages in it, without compiled Python."""
    roots = [folder / name for name in names] or [folder]
    files = (path for root in roots for path in root.rglob("*") if path.suffix != ".pyc" and path.is_file())
    return sum(path.lstat().st_size for path in files) / 1e6


def rows(results: Mapping[str, Sequence[Reading]]) -> list[list[str]]:
    """Return a row a format: similarity of each, `-` where a converter reads no file of it."""
    made: list[list[str]] = []
    names = sorted({family(one) for one in results["ours"] if one.similarity is not None})
    for name in names:
        row = [name, str(sum(family(one) == name for one in results["ours"] if one.similarity is not None))]
        for found in results.values():
            values = [one for one in found if family(one) == name and one.similarity is not None]
            read_any = any(not one.refused for one in values)
            row.append(mean_of([one.similarity for one in values]) if read_any else "-")
        made.append(row)
    return made


def family(one: Reading) -> str:
    """Return the row that a file counts in."""
    return FAMILIES.get(one.sample.format, one.sample.format)


def totals(results: Mapping[str, Sequence[Reading]], sizes: Mapping[str, float]) -> list[list[str]]:
    """Return the rows below the formats."""
    known = [[one for one in found if one.similarity is not None] for found in results.values()]
    means = [mean_of([one.similarity for one in found]) for found in known]
    pdfs = [[one for one in found if one.sample.path.suffix == ".pdf"] for found in results.values()]
    every = [sum(not one.refused for one in found) for found in results.values()]
    speed = [
        sum(one.cpu for one in found if not one.refused)
        / max(sum(one.sample.path.stat().st_size for one in found if not one.refused) / 1e6, 1e-9)
        for found in results.values()
    ]
    return [
        ["all", str(len(known[0])), *means],
        ["headings F1", "", *(mean_of([one.headings for one in found]) for found in known)],
        ["tables F1", "", *(mean_of([one.tables for one in found]) for found in known)],
        ["files read", str(len(results["ours"])), *map(str, every)],
        ["PDFs read", str(len(pdfs[0])), *(str(sum(not one.refused for one in found)) for found in pdfs)],
        ["CPU s/MB read", "", *(f"{value:.2f}" for value in speed)],
        ["installed, MB", "", *(f"{size:.0f}" for size in sizes.values())],
    ]


def mean_of(values: Sequence[float | None]) -> str:
    """Return the mean of what is known."""
    return f"{np.mean([value for value in values if value is not None]):.3f}"


def show(results: Mapping[str, Sequence[Reading]], sizes: Mapping[str, float], console: Console) -> None:
    """Print the table."""
    table = Table(title="Similarity to the reference Markdown", box=SIMPLE_HEAD, title_justify="left")
    for name in ("format", "files", *results):
        table.add_column(name, justify="left" if name == "format" else "right")
    formats = rows(results)
    for row in formats:
        table.add_row(*row)
    table.add_section()
    for row in totals(results, sizes):
        table.add_row(*row)
    console.print(table)


def body(results: Mapping[str, Sequence[Reading]], sizes: Mapping[str, float]) -> str:
    """Return the figures as JSON."""

    def mean(found: Sequence[Reading]) -> float:
        return float(np.mean([one.similarity for one in found if one.similarity is not None]))

    return json.dumps(
        {name: {"similarity": mean(found), "mb": sizes[name]} for name, found in results.items()}
    )


if __name__ == "__main__":
    sys.exit(run(peers=sys.argv[1] if len(sys.argv) > 1 else PEERS))
