"""`bench ingest`: chunks a second through the whole pipeline, beside the bare embedder on the same texts.

Both read the same chunks in the same run, in slices that take turns (bare, pipeline, pipeline, bare, ...), so that
a busy machine slows both. What stays is the ratio.
"""

import ast
import asyncio
import json as encoder_of_json
import random
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from graph.wiring import open_wiring
from ingest.index import index
from ingest.load import load
from ingest.parts import Parts, parts_over
from ingest.report import Report, Step
from ingest.split import split
from ingest.walk import Found, walk
from ports.settings import Settings

DOCUMENTS: Final = 2000
PARAGRAPHS: Final = 5
"""In each document: about two chunks, as in the handbook's shorter pages."""
WORKERS: Final = 2
BATCH: Final = 64
SLICES: Final = 8
SAMPLED: Final = 20
"""Files between two looks at the memory."""
FLOOR: Final = 0.85
"""The least share of the bare embedder's throughput."""
FASTER: Final = 50
"""How many times faster than the first ingest one is to be that finds everything unchanged."""
MOST_MB: Final = 900
"""The most memory at its peak, all processes together."""
HANDBOOK: Final = Path(__file__).parent.parent / "examples" / "handbook"


def run(json: bool, kills: int = 0, seed: int | None = None) -> int:
    """Measure and print; returns 1 below FLOOR or FASTER, or over MOST_MB. With `kills`, do what bench/kills does."""
    if kills:
        from bench.kills import run as run_kills

        return run_kills(kills, seed, json)
    found = asyncio.run(measure())
    reached = found["ratio"] >= FLOOR and found["faster"] >= FASTER and found["peak_mb"] <= MOST_MB
    if json:
        print(encoder_of_json.dumps(found))
        return 0 if reached else 1
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found["busy_s"].items())
    print(f"{found['documents']} documents, {found['chunks']} chunks, {found['failed']} failed")
    print(f"pipeline       {found['pipeline']:7.1f} chunks/s")
    print(f"bare embedder  {found['bare']:7.1f} chunks/s   ratio {found['ratio']:.3f} (floor {FLOOR})")
    print(
        f"unchanged      {found['unchanged_ms']:7.2f} ms a document, {found['faster']:.0f} times "
        f"faster than the first time (at least {FASTER})"
    )
    print(f"peak memory    {found['peak_mb']:7.0f} MB with {WORKERS} workers (at most {MOST_MB})")
    print(f"busy, overlapping: {stages}")
    return 0 if reached else 1


async def measure() -> dict[str, Any]:
    """Return the figures of one run."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        await asyncio.to_thread(write_corpus, corpus)
        files = walk([str(corpus)]).files
        async with open_wiring(Settings(data_dir=Path(folder, "data"))) as wiring:
            parts = parts_over(wiring, WORKERS)
            size = -(-len(files) // SLICES)
            memory, reports, bare = Memory(), list[Report](), 0.0
            for number in range(SLICES):
                part = files[number * size : (number + 1) * size]
                for piped in (number % 2 == 0, number % 2 == 1):
                    if piped:
                        reports.append(await index(part, "bench", parts, progress=memory.look))
                    else:
                        bare += await asyncio.to_thread(embed_bare, part, parts)
            again = await index(files, "bench", parts)
        return figures(reports, bare, again) | {"peak_mb": round(memory.peak / 1e6)}


def figures(reports: Sequence[Report], bare: float, again: Report) -> dict[str, Any]:
    """Return the comparison; `bare` and the pipeline read the same number of chunks."""
    chunks = sum(report.chunks for report in reports)
    seconds = sum(report.seconds for report in reports)
    stages = {name: sum(report.stages.get(name, 0.0) for report in reports) for name in reports[0].stages}
    return {
        "bench": "ingest",
        "documents": again.done,
        "chunks": chunks,
        "failed": sum(len(report.failures) for report in reports),
        "pipeline": round(chunks / seconds, 1),
        "bare": round(chunks / bare, 1),
        "ratio": round(bare / seconds, 3),
        "faster": round(seconds / again.seconds, 1),
        "unchanged_ms": round(1000 * again.seconds / max(again.unchanged, 1), 3),
        "busy_s": {name: round(seconds, 1) for name, seconds in stages.items()},
    }


def embed_bare(files: Sequence[Found], parts: Parts) -> float:
    """Return the seconds that the embedder alone takes for the files' chunks."""
    texts = [chunk.embedded_text() for file in files for chunk in split(load(file.path, file.source))]
    started = time.perf_counter()
    for start in range(0, len(texts), BATCH):
        parts.encoder.encode(texts[start : start + BATCH])
    return time.perf_counter() - started


class Memory:
    """The most memory seen while the pipeline ran: this process and all that it started."""

    def __init__(self) -> None:
        self.peak = 0
        self._process = psutil.Process()

    def look(self, step: Step) -> None:
        """Look at the memory now and then."""
        if step.done % SAMPLED:
            return
        total = self._process.memory_info().rss
        for child in self._process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                total += child.memory_info().rss
        self.peak = max(self.peak, total)


def write_corpus(folder: Path) -> None:
    """Write DOCUMENTS files of real prose in four formats, the same ones every time."""
    source = random.Random(7)
    paragraphs = list(prose())
    for number in range(DOCUMENTS):
        chosen = source.sample(paragraphs, PARAGRAPHS)
        place = folder / f"{number // 100:02d}"
        place.mkdir(parents=True, exist_ok=True)
        suffix, text = written(number, chosen)
        (place / f"document-{number:04d}.{suffix}").write_text(text)


def written(number: int, paragraphs: Sequence[str]) -> tuple[str, str]:
    """Return the document in one of four formats, by its number."""
    title, middle = f"Document {number}", len(paragraphs) // 2
    first, second = paragraphs[:middle], paragraphs[middle:]
    match number % 4:
        case 0:
            return "md", "\n\n".join((f"# {title}", *first, "## More", *second))
        case 1:
            return "rst", "\n\n".join((f"{title}\n{'=' * len(title)}", *first, "More\n----", *second))
        case 2:
            body = "".join(f"<p>{text}</p>" for text in first) + "<h2>More</h2>"
            return "html", f"<h1>{title}</h1>{body}" + "".join(f"<p>{text}</p>" for text in second)
        case _:
            return "txt", "\n\n".join((title, *paragraphs))


def prose() -> Iterator[str]:
    """Yield paragraphs of the sample handbook and of the standard library's docstrings."""
    for path in sorted(HANDBOOK.glob("*.md")):
        yield from paragraphs_of(path.read_text())
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("[a-p]*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                yield from paragraphs_of(ast.get_docstring(node) or "")


def paragraphs_of(text: str) -> Iterator[str]:
    """Yield the paragraphs that are prose: long enough, and free of markup."""
    for paragraph in text.split("\n\n"):
        line = " ".join(paragraph.split())
        if 120 <= len(line) <= 600 and not set(line) & set("<>|`") and line[0].isalpha():
            yield line
