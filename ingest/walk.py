"""Which files a path names, and what each is called in the index.

A file's source is the name of the root folder and the path below it: `handbook/leave/annual.md`. The folder's
own name is part of it because two folders often hold a `README.md`, and because a citation should say where it
comes from. Of a single file the root is the folder that it stands in, of a pattern the folder before the first
wildcard; so `handbook`, `./handbook/`, `/srv/handbook`, `handbook/*.md` and `handbook/faq.md` agree on the names.
"""

import fnmatch
import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.errors import BadRequest
from ingest.load.kinds import kind_by_name, suffix_of


@dataclass(frozen=True, slots=True)
class Found:
    """One file to ingest."""

    path: Path
    source: str
    size: int


@dataclass(frozen=True, slots=True)
class Root:
    """What one argument covers: with `--prune`, sources below it whose files are gone are removed."""

    folder: Path
    pattern: str
    """Matches the sources that the argument covers (fnmatch)."""

    def gone(self, source: str) -> bool:
        """Tell whether the source is covered and its file no longer exists."""
        if not fnmatch.fnmatchcase(source, self.pattern):
            return False
        below = source.removeprefix(prefix_of(self.folder))
        return not os.path.lexists(self.folder / below)


@dataclass(slots=True)
class Walk:
    """What the arguments come to."""

    files: list[Found] = field(default_factory=list[Found])
    """Sorted by source, each once."""
    roots: list[Root] = field(default_factory=list[Root])
    clashes: dict[str, str] = field(default_factory=dict[str, str])
    """Sources that two different files claim, or that cannot be written down, and the sentence that says so; none of
    these is ingested."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    """Files of kinds that are not read, by extension; only files that nobody named."""


def walk(arguments: Sequence[str]) -> Walk:
    """Return the files that folders, files and patterns name; raises BadRequest for one that names nothing."""
    found, walked = Walk(), dict[str, Found]()
    for argument in arguments:
        root, files = expand(argument, found.skipped)
        found.roots.append(root)
        for file in files:
            if (source := printable(file.source)) != file.source:
                found.clashes[source] = "The file's name is not UTF-8, so no answer could name it. Rename it."
                continue
            other = walked.setdefault(file.source, file)
            if other.path != file.path:
                found.clashes[file.source] = (
                    f"Two files would both be called {file.source}: ingest the folder above them, or rename one."
                )
    kept = (file for file in walked.values() if file.source not in found.clashes)
    found.files = sorted(kept, key=lambda file: file.source)
    return found


def printable(name: str) -> str:
    """Return the name with U+FFFD for each byte that is not UTF-8."""
    return os.fsencode(name).decode(errors="replace")


def expand(argument: str, skipped: Counter[str]) -> tuple[Root, list[Found]]:
    """Return what one argument covers and the files in it."""
    path = Path(os.path.abspath(argument))
    if path.is_dir():
        prefix = prefix_of(path)
        return Root(path, f"{glob.escape(prefix)}*"), list(below(path, path, prefix, skipped))
    if path.is_file():
        prefix = prefix_of(path.parent)
        source = prefix + path.name
        return Root(path.parent, glob.escape(source)), [Found(path, source, path.stat().st_size)]
    if glob.has_magic(argument):
        return matching(path, argument, skipped)
    raise BadRequest(f"There is no file or folder {argument!r}. Check the path.")


def matching(path: Path, argument: str, skipped: Counter[str]) -> tuple[Root, list[Found]]:
    """Return what a pattern covers: files, and the folders that it matches with all that is in them."""
    fixed: list[str] = []
    for part in path.parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    folder = Path(*fixed)
    prefix = prefix_of(folder)
    pattern = "/".join(path.parts[len(fixed) :])
    files: list[Found] = []
    for name in sorted(glob.glob(pattern, root_dir=folder, recursive=True)):
        hit = folder / name
        if hit.is_dir() and "**" not in pattern:
            files.extend(below(hit, folder, prefix, skipped))
        elif hit.is_file() and inside(hit, folder):
            files.extend(readable(hit, folder, prefix, skipped))
    if not files:
        raise BadRequest(f"No file matches {argument!r}. Quote the pattern if the shell must not expand it.")
    return Root(folder, glob.escape(prefix) + pattern.replace("**/", "*").replace("**", "*")), files


def below(folder: Path, root: Path, prefix: str, skipped: Counter[str]) -> Iterator[Found]:
    """Yield the files in a folder and the folders in it: nothing hidden, nothing outside of the root."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in sorted(names):
            path = Path(here, name)
            if not name.startswith(".") and path.is_file() and inside(path, root):
                yield from readable(path, root, prefix, skipped)


def readable(path: Path, root: Path, prefix: str, skipped: Counter[str]) -> Iterator[Found]:
    """Yield the file if its name promises a kind that is read; else count it."""
    if kind_by_name(path.name) is None:
        skipped[suffix_of(path.name) or "no extension"] += 1
        return
    yield Found(path, prefix + path.relative_to(root).as_posix(), path.stat().st_size)


def inside(path: Path, root: Path) -> bool:
    """Tell whether the file stands below the root, links followed."""
    return not path.is_symlink() or path.resolve().is_relative_to(root.resolve())


def prefix_of(folder: Path) -> str:
    """Return what the sources below a folder begin with; "" for the root of the file system."""
    return f"{folder.name}/" if folder.name else ""
