"""What is wrong with a request's fields, in words for the person who sent it."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

SHOWN: Final = 60
"""Characters of a value, or of a field's name, that are repeated to whoever sent it."""

Fault = Mapping[str, Any]
"""One entry of pydantic's list: `type`, `loc`, `msg`, `input` and, for limits, `ctx`."""

PLACES: Final = frozenset({"body", "query", "path", "header", "cookie"})


def sentence(faults: Sequence[Fault]) -> str:
    """Return what is wrong with the first faulty field, with the value that was sent and what to send.

    Half a character, which JSON can carry and no answer can, is spelt out.
    """
    return _first(faults).encode("utf-8", "backslashreplace").decode()


def _first(faults: Sequence[Fault]) -> str:
    first = faults[0]
    if first["type"] == "json_invalid":
        return f"The body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}."
    if first["loc"] == ("body", "file"):
        return "There is no file in the request. Send it as multipart/form-data in the field `file`."
    if isinstance(first.get("input"), bytes):
        return "The body was not read as JSON: send it with the header `Content-Type: application/json`."
    more = f" {len(faults) - 1} more fields are wrong." if len(faults) > 2 else ""
    more = " One more field is wrong." if len(faults) == 2 else more
    return f"{_said(first)}.{more}"


def shown(value: Any) -> str:
    """Return the value as JSON spells it, cut to what a sentence can hold."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _said(fault: Fault) -> str:
    """Return the fault without its full stop. Types of pydantic that are not told of here speak for themselves."""
    kind = str(fault["type"])
    if kind == "missing" and len(fault["loc"]) == 1:
        return "The request has no body; send a JSON object"
    name = _cut(".".join(str(part) for part in _below(fault["loc"]))) or "The body"
    if kind == "missing" and fault["loc"][0] == "query":
        return f"{name} is missing; add ?{name}=… to the address"
    if kind in FORMS:
        return f"{name} {FORMS[kind](fault.get('ctx') or {}, fault.get('input'))}"
    must = MUST.get(kind)
    message = str(fault["msg"]).removeprefix("Value error, ")
    told = f"{name} must be {must}" if must else f"{name}: {message[0].lower()}{message[1:]}"
    return f"{told}; got {shown(fault.get('input'))}"


def _below(place: Sequence[Any]) -> Sequence[Any]:
    return place[1:] if place and place[0] in PLACES else place


MUST: Final = {
    "string_type": "text",
    "string_unicode": "made of whole characters",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "a JSON object",
}
"""What a value has to be, by pydantic's type of the fault."""

FORMS: Final[dict[str, Callable[[Mapping[str, Any], Any], str]]] = {
    "missing": lambda _, __: "is missing; send it",
    "extra_forbidden": lambda _, __: "is no field of this request; check its name, or leave it out",
    "greater_than_equal": lambda limit, value: f"must be at least {limit['ge']:g}; got {shown(value)}",
    "less_than_equal": lambda limit, value: f"must be at most {limit['le']:g}; got {shown(value)}",
    "literal_error": lambda limit, value: f"must be {limit['expected']}; got {shown(value)}",
    "string_too_short": lambda limit, value: (
        f"needs {limit['min_length']:,} or more characters; got {shown(value)}"
    ),
    "string_too_long": lambda limit, value: _over(len(value), limit["max_length"], "characters"),
    "too_long": lambda limit, value: _over(len(value), limit["max_length"], "entries"),
}
"""What is said of a value, from its limits and itself."""


def _over(count: int, most: int, unit: str) -> str:
    return f"has {count:,} {unit}; the limit is {most:,}"
