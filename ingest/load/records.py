"""JSON and JSON Lines: one block a record, with `key: value` lines. Records are decoded one at a time."""

import json
import re
from collections.abc import Iterator
from typing import Any

from contracts.documents import Document
from contracts.errors import UnreadableDocument
from ingest.load.outline import Outline, stem_of

SPACE = re.compile(r"[ \t\r\n]*")
DECODER = json.JSONDecoder()
TITLES = ("title", "question", "heading", "subject", "name")
LEAST_PROSE = 40


def load_json(text: str, source: str) -> Document:
    """Return one block a record of the top-level list, or the whole of anything else as one."""
    text = text.lstrip("\ufeff")
    return write(values(text, source), source)


def load_lines(text: str, source: str) -> Document:
    """Return one block a line."""
    return write(line_values(text, source), source)


def write(found: Iterator[Any], source: str) -> Document:
    """Write the records; deeper than Python's own limit is refused."""
    outline = Outline()
    try:
        for value in found:
            write_record(value, outline)
    except RecursionError as cause:
        raise UnreadableDocument(f"{source} cannot be read: its values are nested too deeply.") from cause
    return outline.document(source, stem_of(source))


def write_record(value: Any, outline: Outline) -> None:
    """Write one record; one with a title and prose stands under that title, so that no chunk mixes two."""
    name = next((key for key in TITLES if isinstance(value, dict) and is_prose(value, key)), None)
    if name:
        outline.heading(1, value[name])
        value = {key: inner for key, inner in value.items() if key != name}
    outline.block("\n".join(pairs(value, "")))


def is_prose(record: dict[str, Any], name: str) -> bool:
    """Tell whether the record has a title of that name and a text of LEAST_PROSE characters beside it."""
    title = record.get(name)
    others = (value for key, value in record.items() if key != name and isinstance(value, str))
    return isinstance(title, str) and bool(title.strip()) and any(len(text) >= LEAST_PROSE for text in others)


def values(text: str, source: str) -> Iterator[Any]:
    """Yield the elements of a top-level list one by one, else the values that follow one another."""
    at = skip(text, 0)
    listed = text.startswith("[", at)
    at = skip(text, at + 1) if listed else at
    if listed and text.startswith("]", at):
        return
    while at < len(text):
        value, at = decode(text, at, source)
        yield value
        at = skip(text, at)
        if not listed:
            continue
        if text.startswith("]", at):
            return
        if not text.startswith(",", at):
            raise broken(text, at, source)
        at = skip(text, at + 1)
    if listed:
        raise broken(text, at, source)


def line_values(text: str, source: str) -> Iterator[Any]:
    """Yield the value of each line that is not blank. Lines end at newlines only, not at U+2028."""
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as cause:
                raise UnreadableDocument(f"{source} is not JSON Lines: line {number} is not JSON.") from cause


def decode(text: str, at: int, source: str) -> tuple[Any, int]:
    """Return the value at the offset and where it ends."""
    try:
        return DECODER.raw_decode(text, at)
    except json.JSONDecodeError as cause:
        raise broken(text, cause.pos, source) from cause


def broken(text: str, at: int, source: str) -> UnreadableDocument:
    """Return the error that names the line on which JSON ends."""
    if at >= len(text):
        return UnreadableDocument(f"{source} is not JSON: it ends in the middle of a value.")
    line = text.count("\n", 0, at) + 1
    return UnreadableDocument(f"{source} is not JSON: line {line} cannot be read.")


def skip(text: str, at: int) -> int:
    """Return the offset of what follows the white space."""
    found = SPACE.match(text, at)
    return found.end() if found else at


def pairs(value: Any, key: str) -> Iterator[str]:
    """Yield `key: value` lines; nested keys are joined with dots, lists of plain values with commas."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from pairs(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            for number, item in enumerate(value, 1):
                yield from pairs(item, f"{key}.{number}" if key else str(number))
        elif value:
            yield labelled(key, ", ".join(spelled(item) for item in value))
    elif value is not None and value != "":
        yield labelled(key, spelled(value))


def labelled(key: str, text: str) -> str:
    """Return the text with its key before it."""
    return f"{key}: {text}" if key else text


def spelled(value: Any) -> str:
    """Return a plain value as JSON's reader would say it."""
    return value if isinstance(value, str) else json.dumps(value)
