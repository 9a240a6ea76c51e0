"""Files with their reference renderings, and what the ingest's loader makes of each."""

import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.documents import Document
from contracts.errors import BadRequest, SwitchboardError
from evals.similarity import f1, headings, relations, similarity, tokens, words

REASONS: Final = Path(__file__).with_name("refusals.toml")
"""Why some files of the public sets cannot be read, as found by looking at them with other programs."""
REFERENCES: Final = "groundtruth"
NOT_DATA: Final = frozenset({"README.md", "LICENSE", "SOURCE.txt"})

Load = Callable[[Path, str], Document]


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of a set."""

    path: Path
    name: str
    """Its path within the set."""
    format: str
    """The set's folder for it, else its extension."""
    reference: str | None
    """The Markdown that it should become; None where the set has none."""
    refusal: str | None
    """A part of the true reason to refuse it; None where it can be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one file."""

    sample: Sample
    text: str
    refused: str
    """The sentence; "" where the file was read."""
    failed: str
    """What broke instead of refusing; "" where nothing did."""
    seconds: float
    cpu: float
    """Seconds of the processor."""
    similarity: float | None
    """None where there is no reference; 0 for a refused file that has one."""
    words: float | None
    headings: float | None
    """F1; None where the reference has no headings."""
    tables: float | None
    """F1 of the neighbouring cells; None where the reference has no table."""

    @property
    def rightly(self) -> bool:
        """Tell whether the file was read, or refused for the true reason."""
        if self.failed:
            return False
        return not self.refused or (self.sample.refusal or "\0") in self.refused


def samples(folder: Path) -> list[Sample]:
    """Return the set's files, sorted by name. Raises BadRequest for a folder without any."""
    reasons: dict[str, str] = tomllib.loads(REASONS.read_text("utf-8"))
    found = [
        Sample(path, name, format_of(folder, path), reference_of(path), reasons.get(path.name))
        for path in sorted(folder.glob("*/**/*"))
        if path.is_file() and is_sample(path, name := path.relative_to(folder).as_posix())
    ]
    if not found:
        raise BadRequest(
            f"There are no files to read in the folders of {str(folder)!r}. Name a set by --data."
        )
    return found


def is_sample(path: Path, name: str) -> bool:
    """Tell whether the file is to be read: no reference, and nothing that describes the set or a source."""
    return (
        REFERENCES not in name.split("/") and path.name not in NOT_DATA and not name.endswith(".source.txt")
    )


def format_of(folder: Path, path: Path) -> str:
    """Return the top folder's name where it has references or sources in it, else the extension."""
    top = folder / path.relative_to(folder).parts[0]
    if (top / REFERENCES).is_dir() or (top / "sources").is_dir():
        return top.name
    return path.suffix.lstrip(".").lower()


def reference_of(path: Path) -> str | None:
    """Return the rendering beside the file's folder, named after the file, or after its stem if no other file is."""
    names = [f"{path.name}.md"] + ([] if path.with_suffix("").exists() else [f"{path.stem}.md"])
    for folder in (path.parent.parent / REFERENCES, path.parent / REFERENCES):
        for name in names:
            if (folder / name).is_file():
                return (folder / name).read_text("utf-8")
    return None


def read(sample: Sample, load: Load) -> Reading:
    """Load one file and compare it with its reference. Never raises for the file's sake."""
    refused = failed = text = ""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        text = load(sample.path, sample.name).text
    except SwitchboardError as reason:
        refused = reason.message
    except Exception as fault:  # noqa: BLE001 - a parser that breaks is what this counts
        failed = f"{type(fault).__name__}: {fault}"
    seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Reading(sample, text, refused, failed, seconds, cpu, *compared(text, sample.reference))


def compared(
    text: str, reference: str | None
) -> tuple[float | None, float | None, float | None, float | None]:
    """Return the similarity of all tokens, that of the words, and the F1 of headings and of tables."""
    if reference is None:
        return None, None, None, None
    titles, cells = headings(reference), relations(reference)
    return (
        similarity(tokens(text), tokens(reference)),
        similarity(words(text), words(reference)),
        f1(headings(text), titles) if titles else None,
        f1(relations(text), cells) if cells else None,
    )
