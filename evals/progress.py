"""A progress bar on stderr for what takes longer than a second, where it is a terminal."""

import time
from collections.abc import Callable
from typing import Final, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

Tell = Callable[[str, int, int], None]
"""Told the stage, how many are done, and of how many."""

PATIENCE: Final = 1.0
"""Seconds before a bar appears."""


class Bars:
    """Shows one bar a stage while the block runs; shows nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        columns = (
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self.console = Console(file=stream, highlight=False)
        self._progress = Progress(*columns, console=self.console, transient=True)
        self._shown = stream.isatty()
        self._started = time.monotonic()
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, sentence: str) -> None:
        """Print a line above the bars."""
        self.console.print(sentence, style="dim", soft_wrap=True)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""
        if not self._shown or time.monotonic() - self._started < PATIENCE:
            return
        if not self._progress.live.is_started:
            self._progress.start()
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)
