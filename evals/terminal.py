"""What a suite shows on the terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from evals.baseline import Change
from evals.result import Result, Table


def show(result: Result, changes: Sequence[Change], console: Console) -> None:
    """Print the tables, what had to be reached, and the differences to the baseline."""
    console.print(
        f"[bold]{result.suite}[/bold] · {escape(result.data)} · {result.n:,} questions · {result.seconds:.0f} s"
    )
    for table in result.tables:
        console.print(grid(table))
    if changes:
        rows = [change.row() for change in changes]
        console.print(
            grid(Table("Against the baseline", ["metric", "baseline", "now", "difference", ""], rows))
        )
    for bar in result.bars:
        word = "[green]reached[/green]" if bar.passed else "[red]missed[/red] "
        console.print(f"{word} {escape(bar.sentence)}", soft_wrap=True)


def grid(table: Table) -> Grid:
    """Return the table as rich draws it, figures to the right."""
    drawn = Grid(
        title=table.title,
        title_justify="left",
        caption=table.note or None,
        caption_justify="left",
        min_width=60,
        box=SIMPLE_HEAD,
    )
    for number, name in enumerate(table.head):
        drawn.add_column(escape(name), justify="left" if number == 0 else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(escape, row))
    return drawn
