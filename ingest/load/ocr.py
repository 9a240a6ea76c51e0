"""Text of pictures by RapidOCR, an extra of 240 MB: `pip install 'switchboard[ocr]'`. Its models lie in its wheel.

Nothing here imports it before a picture has to be read, and nothing fails for want of it: pictures are then refused,
and pages without text noted, with the sentence that says how to get it.
"""

import time
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

HOW: Final = "install OCR for it with: pip install 'switchboard[ocr]'"
"""What to do where the extra is missing."""
BUDGET_S: Final = 40.0
"""Seconds of one file's OCR, within the 60 that a file may take; the pages after that are noted as not read."""
THREADS: Final = 2
LEAST: Final = 0.6
"""Confidence of a line, below which it is more often noise than text."""


class Clock:
    """Tells how much of one file's time for OCR is left."""

    def __init__(self, seconds: float = BUDGET_S) -> None:
        self._until = time.monotonic() + seconds

    def over(self) -> bool:
        """Tell whether the time is up."""
        return time.monotonic() >= self._until


@cache
def installed() -> bool:
    """Tell whether the extra is there; looked for once a process."""
    return find_spec("rapidocr") is not None


@cache
def engine() -> Any:
    """Return the engine, made once a process: loading its models takes a second or more."""
    from rapidocr import RapidOCR  # pyright: ignore[reportMissingImports] - the extra may be missing

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def read_pixels(pixels: Any) -> str:
    """Return the text of an image, (height, width, 3) uint8 in the order blue, green, red; lines from top to bottom."""
    found = engine()(pixels)
    if found.txts is None or found.boxes is None:
        return ""
    lines: list[tuple[float, float, float, str]] = []
    for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        if score >= LEAST and text.strip():
            tops = [float(y) for _, y in box]
            lines.append((min(tops), max(tops), min(float(x) for x, _ in box), text.strip()))
    return "\n".join(" ".join(text for _, _, _, text in row) for row in in_rows(lines))


def in_rows(lines: list[tuple[float, float, float, str]]) -> list[list[tuple[float, float, float, str]]]:
    """Return the pieces that stand on one line together, from left to right; lines from top to bottom."""
    rows: list[list[tuple[float, float, float, str]]] = []
    for line in sorted(lines):
        middle = (line[0] + line[1]) / 2
        if rows and rows[-1][0][0] <= middle <= rows[-1][0][1]:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda one: one[2]) for row in rows]
