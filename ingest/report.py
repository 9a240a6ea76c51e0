"""What an ingest came to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """How far an ingest is, in files."""

    done: int
    total: int
    current: str
    """The source that was finished last."""
    chunks: int


Progress = Callable[[Step], None]
"""Called on the event loop after each file; must not block."""


@dataclass(slots=True)
class Report:
    """The counts of documents, and the sentence for each that failed."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    chunks: int = 0
    """Written in this run: 0 where nothing changed."""
    bytes: int = 0
    """Of the files that were added or updated."""
    seconds: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    skipped: dict[str, int] = field(default_factory=dict[str, int])
    """What the folders and sitemaps hold and nobody named, and is not read: how many, by extension or by reason."""
    notes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """What was left out of documents that are in the index: pages without text, rows over a limit."""
    stages: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds each stage was busy; they overlap."""

    @property
    def done(self) -> int:
        """Return how many files are finished, one way or the other."""
        return self.added + self.updated + self.unchanged + len(self.failures)

    def fail(self, source: str, error: str) -> None:
        """Note a file that was left out; what the index held of it stays."""
        self.failures.append((source, error))

    def add(self, other: "Report") -> None:
        """Count in what another part of the same ingest came to."""
        for name in ("added", "updated", "unchanged", "deleted", "chunks", "bytes", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failures += other.failures
        self.notes += other.notes
        for mine, theirs in ((self.skipped, other.skipped), (self.stages, other.stages)):
            for name, amount in theirs.items():
                mine[name] = mine.get(name, 0) + amount  # type: ignore[assignment]

    def note(self, source: str, notes: Sequence[str]) -> None:
        """Note what was left out of a document that was read."""
        self.notes.extend((source, said) for said in notes)

    def body(self) -> dict[str, Any]:
        """Return what `ingest --json` ends with."""
        return {
            "documents": {
                "added": self.added,
                "updated": self.updated,
                "unchanged": self.unchanged,
                "deleted": self.deleted,
                "failed": len(self.failures),
            },
            "chunks": self.chunks,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "failures": [{"source": source, "error": error} for source, error in self.failures],
            "skipped": dict(sorted(self.skipped.items())),
            "notes": [{"source": source, "note": said} for source, said in self.notes],
        }
