"""robots.txt: what a host asks of programs that follow its links. Source: RFC 9309.

It is asked before the pages of a sitemap are fetched, since a program chose those. A page that a person named is
fetched as a browser would.
"""

import re
from dataclasses import dataclass, field
from typing import Final

AGENT: Final = "switchboard"
LARGEST: Final = 512_000
"""Bytes of the file that are read. Source: RFC 9309, section 2.5, which asks for 500 KiB at least."""
LONGEST_DELAY: Final = 30.0
"""Seconds of a `Crawl-delay` that are kept; beyond that a site is better exported."""


@dataclass(slots=True)
class Robots:
    """The rules for this program: the longest pattern that matches a path decides, in doubt for allowing."""

    rules: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    """Patterns and whether they allow."""
    delay: float = 0.0
    """Seconds between two requests."""

    def allows(self, path: str) -> bool:
        """Tell whether the path, query included, may be fetched."""
        fitting = [(len(pattern), allow) for pattern, allow in self.rules if fits(pattern, path)]
        return max(fitting, default=(0, True))[1]


NOTHING: Final = Robots([("/", False)])
"""Of a host whose robots.txt cannot be had: RFC 9309, section 2.3.1.4, takes that for a refusal of all."""


def robots_from(text: str) -> Robots:
    """Return the rules of the groups that name this program, else of those for all."""
    groups: dict[str, Robots] = {}
    named: list[str] = []
    open_ = False
    for line in text.splitlines():
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "user-agent":
            named = [*named, value.lower()] if open_ else [value.lower()]
            open_ = True
            continue
        open_ = open_ and not key
        for name in named:
            add(groups.setdefault(name, Robots()), key, value)
    return groups.get(AGENT) or groups.get("*") or Robots()


def add(group: Robots, key: str, value: str) -> None:
    """Add one line to a group; an empty `Disallow` says nothing."""
    if key in ("allow", "disallow") and value:
        group.rules.append((value, key == "allow"))
    elif key == "crawl-delay" and re.fullmatch(r"\d+(\.\d+)?", value):
        group.delay = min(float(value), LONGEST_DELAY)


def fits(pattern: str, path: str) -> bool:
    """Tell whether a pattern matches the front of a path: `*` is anything, `$` at its end is the path's end.

    Part by part rather than as a regular expression, which a host could write so that it takes for ever.
    """
    body, to_end = (pattern[:-1], True) if pattern.endswith("$") else (pattern, False)
    first, *parts = body.split("*")
    if not path.startswith(first):
        return False
    if to_end and not parts:
        return path == first
    last = parts.pop() if to_end else ""
    at = len(first)
    for part in parts:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return path.endswith(last, at)
