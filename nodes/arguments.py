"""What is wrong with a tool call's arguments, in words that the model can act on.

Only the schema's top level is checked: which are required, which are known, and of which type they are. What lies
deeper the tool itself must check, as it must for any client.
"""

from collections.abc import Mapping
from typing import Any, Final

TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def faults_of(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each fault, in the schema's order; empty where the arguments fit."""
    known: Mapping[str, Any] = schema.get("properties") or {}
    missing = [name for name in schema.get("required") or () if name not in arguments]
    found = [f"The argument {name!r} is missing." for name in missing]
    for name, rule in known.items():
        if name in arguments and (fault := _fault(name, arguments[name], rule)):
            found.append(fault)
    if schema.get("additionalProperties") is False:
        found += [f"There is no argument {name!r}." for name in arguments if name not in known]
    return found


def _fault(name: str, value: Any, rule: Mapping[str, Any]) -> str:
    wanted = rule.get("type")
    kinds = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"The argument {name!r} must be of type {' or '.join(kinds)}."
    if "enum" in rule and value not in rule["enum"]:
        return f"The argument {name!r} must be one of {rule['enum']}."
    return ""


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):  # which Python takes for a number
        return kind == "boolean"
    if isinstance(value, float) and kind == "integer":
        return value.is_integer()
    return isinstance(value, TYPES.get(kind, (object,)))
