"""A progress bar on the terminal for what takes longer than a second."""

import time
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.report import Step

PATIENCE = 1.0
"""Seconds before a bar appears."""
WIDEST = 40
"""Characters of the source's name."""


class Bar:
    """Shows steps while the block runs; shows nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[chunks]} chunks"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=Console(file=stream), transient=True)
        self._shown = stream.isatty()
        self._started = time.monotonic()
        self._task = self._progress.add_task("", total=None, chunks=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.live.is_started:  # else it would print an empty line
            self._progress.stop()

    def step(self, step: Step) -> None:
        """Show how far it is."""
        if not self._shown or time.monotonic() - self._started < PATIENCE:
            return
        if not self._progress.live.is_started:
            self._progress.start()
        name = step.current if len(step.current) <= WIDEST else "…" + step.current[1 - WIDEST :]
        self._progress.update(
            self._task, description=name, completed=step.done, total=step.total, chunks=step.chunks
        )
