"""How the parts of an Office file refer to one another (Open Packaging Conventions, ECMA-376 part 2)."""

import posixpath
from typing import NamedTuple

from ingest.load.markup import children, local, parse_part, words
from ingest.load.package import Package


class Relation(NamedTuple):
    """One part that another refers to."""

    kind: str
    """The last word of its type: `slide`, `chart`, `comments`."""
    target: str
    """The part's name in the archive."""


def relations_of(package: Package, part: str) -> dict[str, Relation]:
    """Return what a part refers to inside of the archive, by id; links that lead out of it are left out."""
    folder, name = posixpath.split(part)
    root = parse_part(package, f"{folder}/_rels/{name}.rels")
    if root is None:
        return {}
    found: dict[str, Relation] = {}
    for one in children(root, "Relationship"):
        target = one.get("Target") or ""
        if one.get("TargetMode") != "External" and target:
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
            found[one.get("Id") or ""] = Relation((one.get("Type") or "").rpartition("/")[2], path)
    return found


def title_of(package: Package) -> str:
    """Return the title that the file's properties give, "" where they give none."""
    core = parse_part(package, "docProps/core.xml")
    return "" if core is None else next((words(part) for part in core if local(part) == "title"), "")
