"""`bench bulk`: documentation into an index, by our pipeline and the default ones of LangChain, LlamaIndex, Haystack.

All share our embedder and the machine, and take turns: each reads, splits, embeds and stores the same folder of files
before the next folder's turn. Pipelines cut differently and drop different parts of a page, so what counts is tokens
that the model read, a second. The floor is the embedder alone, over our chunks. With --own-runner LangChain runs once
more with the runner of the same model that its documentation names (sentence-transformers, 6 GB to install).
"""

import asyncio
import json as encoder_of_json
import os
import random
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.bulk_process import Contestant
from bench.peers.install import CACHE, ensure
from ports.settings import Settings
from ports.weights import TOKENIZER, locate

PIPELINES: Final = Path(__file__).parent / "peers" / "bulk"
REPOSITORY: Final = Path(__file__).parent.parent
PEERS: Final = ("langchain", "llamaindex", "haystack")
OWN: Final = "langchain_own"
CORPORA: Final = ("python3.11-doc-rst.tar.xz", "postgresql-15-html.tar.xz")
TIMES: Final = 3.0
"""How many times the best peer's tokens a second are wanted."""
SHARE: Final = 0.90
"""The least share of the bare embedder."""
SUMS: Final = (
    "seconds",
    "cpu_s",
    "chunks",
    "texts",
    "tokens",
    "characters",
    "calls",
    "embedding_s",
    "cut",
    "lost",
)

Row = dict[str, Any]


def run(json: bool, files: int, slices: int, peers: str, own_runner: bool, data: str) -> int:
    """Measure and print; returns 1 below TIMES or SHARE."""
    names = [name for name in peers.split(",") if name and name != "none"] + [OWN] * own_runner
    found = asyncio.run(measure(Path(data), files, slices, names))
    if json:
        print(encoder_of_json.dumps(found))
    else:
        show(found)
    return 0 if reached(found) else 1


def reached(found: Row) -> bool:
    """Tell whether both figures are where they are wanted."""
    return found["times_best_peer"] >= TIMES and found["share_of_bare"] >= SHARE


async def measure(data: Path, files: int, slices: int, names: Sequence[str]) -> Row:
    """Return the figures of one run."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bulk-") as scratch:
        folders = await asyncio.to_thread(lay_out, data / "docs_corpora", Path(scratch), files, slices)
        weights = weights_in(Path(scratch, "weights"))
        contestants = [
            await contestant(name, Path(scratch), weights) for name in ("switchboard", "bare", *names)
        ]
        rows: dict[str, list[Row]] = {one.name: [] for one in contestants}
        try:
            for number, folder in enumerate(folders):
                turn = number % len(contestants)
                for one in (*contestants[turn:], *contestants[:turn]):
                    rows[one.name].append(await one.take(folder))
                    print(f"{number + 1}/{len(folders)} {one.name}: {rows[one.name][-1]}", file=sys.stderr)
        finally:
            for one in contestants:
                await one.close()
        read = sum(size_of(folder) for folder in folders)
        return compared({name: summed(found, read) for name, found in rows.items()}, read)


async def contestant(name: str, scratch: Path, weights: Path) -> Contestant:
    """Start a pipeline in its environment: ours in this one."""
    python = Path(sys.executable)
    if name not in ("switchboard", "bare"):
        python = await ensure(name, CACHE / "bulk", PIPELINES / "pins.toml") / "bin" / "python"
    settings = Settings()
    paths = (str(REPOSITORY), str(weights))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "BULK_MODELS": str(settings.models_dir),
        "BULK_THREADS": str(settings.threads or os.cpu_count() or 1),
        "BULK_SCRATCH": str(scratch),
        "BULK_MODEL": str(weights / TOKENIZER.package / "model"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    return await Contestant.start(name, [str(python), str(PIPELINES / f"{name}_pipeline.py")], environment)


def weights_in(folder: Path) -> Path:
    """Return a folder with the package of weights and nothing else: the peers' environments have no package of ours."""
    folder.mkdir()
    (folder / TOKENIZER.package).symlink_to(locate(TOKENIZER).parents[1])
    return folder


def lay_out(corpora: Path, scratch: Path, files: int, slices: int) -> list[Path]:
    """Unpack the documentation and return folders with an equal share of the files, drawn by a fixed seed."""
    unpacked = scratch / "unpacked"
    for name in CORPORA:
        with tarfile.open(corpora / name) as archive:
            archive.extractall(unpacked / name.partition("-")[0], filter="data")
    found = sorted(
        path for path in unpacked.rglob("*") if path.suffix in (".html", ".txt") and path.is_file()
    )
    random.Random(7).shuffle(found)
    chosen = found[:files] if files else found
    folders: list[Path] = []
    for number in range(slices):
        folder = scratch / f"slice-{number}"
        folder.mkdir()
        for path in chosen[number::slices]:
            shutil.copy(path, folder / "-".join(path.relative_to(unpacked).parts))
        folders.append(folder)
    return folders


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def summed(rows: Sequence[Row], read: int) -> Row:
    """Return one pipeline's figures over all slices."""
    total = {name: sum(row.get(name, 0) for row in rows) for name in SUMS}
    seconds, megabytes = total["seconds"], read / 1e6
    return {
        "tokens_s": round(total["tokens"] / seconds),
        "chunks_s": round(total["chunks"] / seconds, 1),
        "mb_s": round(megabytes / seconds, 4),
        "cpu_s_mb": round(total["cpu_s"] / megabytes, 2),
        "cpu_us_token": round(1e6 * total["cpu_s"] / max(total["tokens"], 1), 1),
        "embedding_share": round(total["embedding_s"] / seconds, 3),
        "peak_mb": round(max(row["rss"] for row in rows) / 1e6),
        **{name: round(total[name], 3) for name in SUMS},
    }


def compared(rows: dict[str, Row], read: int) -> Row:
    """Return the comparison: the best peer is the one with the most tokens a second."""
    peers = {name: row["tokens_s"] for name, row in rows.items() if name in PEERS}
    best = max(peers, key=lambda name: peers[name], default="")
    ours, bare = rows["switchboard"], rows["bare"]
    found = {
        "bench": "bulk",
        "bytes": read,
        "best_peer": best,
        "times_best_peer": round(ours["tokens_s"] / peers[best], 2) if best else 0.0,
        "times_best_peer_in_time": round(
            min(rows[name]["seconds"] for name in peers) / ours["seconds"], 2
        ) if best else 0.0,
        "most_that_any_could": round(bare["tokens_s"] / peers[best], 2) if best else 0.0,
        "share_of_bare": round(ours["tokens_s"] / bare["tokens_s"], 3),
        "share_of_bare_cpu": round(bare["cpu_us_token"] / ours["cpu_us_token"], 3),
        "pipelines": rows,
    }  # fmt: skip
    if OWN in rows:
        found["times_own_runner"] = round(ours["tokens_s"] / rows[OWN]["tokens_s"], 2)
        found["times_own_runner_cpu"] = round(rows[OWN]["cpu_us_token"] / ours["cpu_us_token"], 2)
    return found


def show(found: Row) -> None:
    """Print the table."""
    print(f"{found['bytes'] / 1e6:.1f} MB of files")
    head = (
        "tokens/s",
        "chunks/s",
        "MB/s",
        "CPU s/MB",
        "CPU µs/token",
        "embedding",
        "peak MB",
        "tokens",
        "cut",
    )
    print(f"{'':16}" + "".join(f"{name:>13}" for name in head))
    for name, row in found["pipelines"].items():
        keys = (
            "tokens_s",
            "chunks_s",
            "mb_s",
            "cpu_s_mb",
            "cpu_us_token",
            "embedding_share",
            "peak_mb",
            "tokens",
            "cut",
        )
        print(f"{name:16}" + "".join(f"{row[key]:>13}" for key in keys))
    print(f"ours / best peer ({found['best_peer']}): {found['times_best_peer']} (wanted {TIMES})")
    print(
        f"bare embedder / best peer: {found['most_that_any_could']}: more is not to be had with the same embedder"
    )
    print(
        f"ours / bare embedder: {found['share_of_bare']} (wanted {SHARE}); by CPU {found['share_of_bare_cpu']}"
    )
    if "times_own_runner" in found:
        print(f"ours / LangChain with its own runner of the model: {found['times_own_runner']}")
