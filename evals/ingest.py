"""The suite `ingest`: files of many formats through the ingest's own loaders, beside their reference Markdown.

A set's folder holds one folder a format with `sources/` and `groundtruth/NAME.md`, or any folders of files. Each
file must be read, or refused for the true reason (refusals.toml); what has a reference is compared with it.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from contracts.errors import SetupError
from evals import bootstrap
from evals.bootstrap import Estimate
from evals.cases import require_folder
from evals.fidelity import Load, Reading, Sample, read, samples
from evals.ingest_report import by_format, figures, refusals, worst
from evals.result import Bar, Options, Result, bars_for

LEAST: Final = {"similarity": 0.80}
"""What the files with a reference must reach on average (issue 4)."""


async def run(options: Options) -> Result:
    """Read every file of the folder and return the figures. Raises SwitchboardError."""
    if options.ingest is None or options.ingest.load is None:
        raise SetupError("The ingest suite reads documents: start it as `switchboard eval ingest`.")
    require_folder(options.data)
    found = samples(options.data)
    readings = await asyncio.to_thread(read_all, found, options.ingest.load, options)
    return result_of(options.data.resolve().name, readings)


def read_all(found: Sequence[Sample], load: Load, options: Options) -> list[Reading]:
    """Read one file after the other; the first of a format is read twice, so that no figure has an import in it."""
    readings: list[Reading] = []
    known: set[str] = set()
    for number, sample in enumerate(found, 1):
        if sample.path.suffix not in known:
            known.add(sample.path.suffix)
            read(sample, load)
        readings.append(read(sample, load))
        options.tell("reading", number, len(found))
    return readings


def result_of(data: str, readings: Sequence[Reading]) -> Result:
    """Return the figures over all files, and the mean similarity of each format."""
    metrics = quality(readings)
    for name in dict.fromkeys(one.sample.format for one in readings):
        values = [
            one.similarity for one in readings if one.sample.format == name and one.similarity is not None
        ]
        if values:
            metrics[f"{name}.similarity"] = bootstrap.mean(values)
    metrics["cpu_per_mb_ms"] = rate(readings)
    result = Result("ingest", data, len(readings), metrics)
    result.bars = [handled(readings), *(bars_for(metrics, LEAST) if "similarity" in metrics else [])]
    result.tables = [by_format(readings), refusals(readings)]
    result.figures = figures(metrics)
    result.cases = worst(readings)
    return result


def quality(readings: Sequence[Reading]) -> dict[str, Estimate]:
    """Return the shares of files that were read and handled, and the means over files with a reference."""
    metrics = {
        "handled": bootstrap.mean([float(one.rightly) for one in readings]),
        "read": bootstrap.mean([float(not one.refused and not one.failed) for one in readings]),
    }
    for name, values in (
        ("similarity", [one.similarity for one in readings if one.similarity is not None]),
        ("words", [one.words for one in readings if one.words is not None]),
        ("headings_f1", [one.headings for one in readings if one.headings is not None]),
        ("tables_f1", [one.tables for one in readings if one.tables is not None]),
    ):
        if values:
            metrics[name] = bootstrap.mean(values)
    return metrics


def rate(readings: Sequence[Reading]) -> Estimate:
    """Return the processor's milliseconds a megabyte of all files together, drawn file by file."""
    sizes = [one.sample.path.stat().st_size / 1e6 for one in readings]
    cpu = [one.cpu * 1000 for one in readings]
    return bootstrap.bootstrap(
        len(readings),
        lambda chosen: sum(cpu[at] for at in chosen) / max(sum(sizes[at] for at in chosen), 1e-9),
    )


def handled(readings: Sequence[Reading]) -> Bar:
    """Return whether every file was read or refused for the true reason."""
    wrong = [one.sample.name for one in readings if not one.rightly]
    named = f": not {', '.join(wrong[:5])}{' …' if len(wrong) > 5 else ''}" if wrong else ""
    return Bar(
        f"{len(readings) - len(wrong)} of {len(readings)} files were read or refused for the true reason{named}",
        not wrong,
    )
