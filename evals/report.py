"""One HTML page that needs nothing else: figures, plots and the questions that went worst."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import Final

from evals.baseline import Change
from evals.result import Bar, Case, Figure, Found, Result, Table, is_time, shown

HEADLINES: Final = 4
"""Figures shown large."""


def page(result: Result, changes: Sequence[Change] = ()) -> str:
    """Return the page. Every text of data or documents is escaped."""
    style = files("evals").joinpath("report.css").read_text("utf-8")
    title = f"{result.suite} · {result.data}"
    when = f"{result.n:,} questions in {result.seconds:.0f} s · {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    body = "\n".join(
        [
            f"<header><h1>{escape(title)}</h1><p>{when}</p></header>",
            headline(result),
            verdicts(result.bars),
            *(table(one) for one in result.tables),
            compared(changes),
            f'<div class="plots">{"".join(figure(one) for one in result.figures)}</div>',
            cases(result.cases),
            f"<footer>{''.join(f'<p>{escape(note)}</p>' for note in result.notes)}</footer>",
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{body}</main></body></html>\n"
    )


def headline(result: Result) -> str:
    """Return the first figures, large, with their intervals."""
    tiles = [
        f"<div><dt>{escape(name)}</dt><dd>{shown(name, one.value)}{' ms' if is_time(name) else ''}</dd>"
        f"<dd>{shown(name, one.low)} – {shown(name, one.high)}</dd></div>"
        for name, one in list(result.metrics.items())[:HEADLINES]
    ]
    return f'<dl class="tiles">{"".join(tiles)}</dl>'


def verdicts(bars: Sequence[Bar]) -> str:
    """Return what had to be reached, and whether it was."""
    rows = "".join(
        f'<li class="{"good" if bar.passed else "bad"}"><b>{"reached" if bar.passed else "missed"}</b> '
        f"{escape(bar.sentence)}</li>"
        for bar in bars
    )
    return f'<ul class="bars">{rows}</ul>' if rows else ""


def table(one: Table) -> str:
    """Return a table that scrolls where it is wider than the screen."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in one.head)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in one.rows
    )
    note = f"<p>{escape(one.note)}</p>" if one.note else ""
    return (
        f'<section><h2>{escape(one.title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}</section>"
    )


def compared(changes: Sequence[Change]) -> str:
    """Return the table of differences to the baseline."""
    if not changes:
        return ""
    rows = [change.row() for change in changes]
    return table(Table("Against the baseline", ["metric", "baseline", "now", "difference", ""], rows))


def figure(one: Figure) -> str:
    """Return a plot with its title and what it shows."""
    caption = f"<p>{escape(one.caption)}</p>" if one.caption else ""
    return f"<figure><figcaption><h2>{escape(one.title)}</h2>{caption}</figcaption>{one.svg}</figure>"


def cases(found: Sequence[Case]) -> str:
    """Return the questions that went worst, each to be opened."""
    if not found:
        return ""
    return f"<section><h2>What went worst</h2>{''.join(map(case, found))}</section>"


def case(one: Case) -> str:
    """Return one question: what was wanted, and what was found."""
    hits = "".join(hit(found) for found in one.found) or "<li>nothing was found</li>"
    return (
        f"<details><summary>{escape(one.question)} <span>{escape(one.verdict)}</span></summary>"
        f"<p><b>wanted</b> {escape(one.wanted)}</p><ol>{hits}</ol></details>"
    )


def hit(found: Found) -> str:
    """Return one thing found, marked where it is right."""
    mark = ' class="good"' if found.right else ""
    return f"<li{mark}><b>{escape(found.label)}</b> {escape(found.text)}</li>"
