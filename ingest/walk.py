"""Which files a path names, and what each is called in the index.

A file's source is the name of the root folder and the path below it: `handbook/leave/annual.md`. The folder's
own name is part of it because two folders often hold a `README.md`, and because a citation should say where it
comes from. Of a single file the root is the folder that it stands in, of a pattern the folder before the first
wildcard; so `handbook`, `./handbook/`, `/srv/handbook`, `handbook/*.md` and `handbook/faq.md` agree on the names.
"""

import fnmatch
import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from contracts.errors import BadRequest
from ingest.files import special
from ingest.load.kinds import kind_by_name, suffix_of
from ports.web_address import is_url

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
UNNAMEABLE: Final = "is not UTF-8 or holds control characters, so no answer could cite it. Rename the file."


@dataclass(frozen=True, slots=True)
class Found:
    """One file to ingest."""

    path: Path
    source: str
    size: int

    def above(self) -> str:
        """Return the absolute folder below which the file's source is its path; "" for what is named otherwise."""
        path = str(self.path)
        return path.removesuffix(self.source) if path.endswith(f"/{self.source}") else ""


@dataclass(frozen=True, slots=True)
class Root:
    """What one argument covers: with `--prune`, sources below it whose files are gone are removed."""

    folder: Path
    pattern: str
    """Matches the sources that the argument covers (fnmatch)."""

    def above(self) -> str:
        """Return the absolute folder below which the sources are paths."""
        return str(self.folder).removesuffix(self.folder.name)

    def gone(self, source: str) -> bool:
        """Tell whether the source is covered and its file no longer exists."""
        if is_url(source) or not fnmatch.fnmatchcase(source, self.pattern):
            return False
        below = source.removeprefix(prefix_of(self.folder))
        try:
            os.lstat(self.folder / below)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # behind a folder that may not be read it may well be there
            return False
        return False

    def lost(self, source: str, origin: str) -> bool:
        """Tell whether the source is gone and was this root's; `origin`: the folder above it, "" where not known."""
        return origin in ("", self.above()) and self.gone(source)


@dataclass(slots=True)
class Walk:
    """What the arguments come to."""

    files: list[Found] = field(default_factory=list[Found])
    """Sorted by source, each once."""
    roots: list[Root] = field(default_factory=list[Root])
    clashes: dict[str, str] = field(default_factory=dict[str, str])
    """Sources that two different files claim, that cannot be written down, or whose folder cannot be listed, and the
    sentence that says so; none of these is ingested."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    """What nobody named and is not read: kinds by extension, and `hidden`, `link to outside`, `pipe` and the like."""

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count what is not read."""
        if count:
            self.skipped[reason] += count

    @staticmethod
    def clash(source: str) -> str:
        """Return the sentence for a source that two files claim."""
        return f"Two files would both be called {source}: ingest the folder above them, or rename one."


def walk(arguments: Sequence[str]) -> Walk:
    """Return the files that folders, files and patterns name; raises BadRequest for one that names nothing."""
    found, walked = Walk(), dict[str, Found]()
    for file in named(arguments, found):
        other = walked.setdefault(file.source, file)
        if other.path != file.path:
            found.clashes[file.source] = Walk.clash(file.source)
    kept = (file for file in walked.values() if file.source not in found.clashes)
    found.files = sorted(kept, key=lambda file: file.source)
    return found


def named(arguments: Sequence[str], found: Walk) -> Iterator[Found]:
    """Yield the files one after the other, some of them twice, and note in `found` all that is not a file.

    Raises BadRequest for an argument that names nothing.
    """
    for argument in arguments:
        root, files = expand(argument, found)
        found.roots.append(root)
        for file in files:
            if (source := printable(file.source)) == file.source:
                yield file
            else:
                found.clashes[source] = f"{source}: this name {UNNAMEABLE}"


def printable(name: str) -> str:
    """Return the name with U+FFFD for each byte that is not UTF-8, and for each control character."""
    return CONTROL.sub("\ufffd", os.fsencode(name).decode(errors="replace"))


def expand(argument: str, walked: Walk) -> tuple[Root, Iterable[Found]]:
    """Return what one argument covers and the files in it, which are found while they are taken.

    What is left out is noted in `walked`.
    """
    path = Path(os.path.abspath(argument))
    if path.is_dir():
        prefix = prefix_of(path)
        return Root(path, f"{glob.escape(prefix)}*"), below(path, path, prefix, walked)
    if path.is_file():
        prefix = prefix_of(path.parent)
        source = prefix + path.name
        return Root(path.parent, glob.escape(source)), [Found(path, source, size_of(path))]
    if glob.has_magic(argument) and not os.path.lexists(path):
        return matching(path, argument, walked)
    raise BadRequest(nothing_at(path, argument))


def nothing_at(path: Path, argument: str) -> str:
    """Return why an argument names neither file nor folder."""
    try:
        kind = special(os.stat(path).st_mode)
    except FileNotFoundError:
        kind = "link that leads nowhere" if path.is_symlink() else ""
    except OSError as cause:
        return f"{argument!r} cannot be opened: {cause.strerror}."
    if kind:
        return f"{argument!r} is a {kind}, neither a file nor a folder. Name one of these."
    return f"There is no file or folder {argument!r}. Check the path."


def size_of(path: Path) -> int:
    """Return the file's size; 0 where it has just gone, which its reader will tell."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def matching(path: Path, argument: str, walked: Walk) -> tuple[Root, Iterable[Found]]:
    """Return what a pattern covers: files, and the folders that it matches with all that is in them."""
    fixed: list[str] = []
    for part in path.parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    folder = Path(*fixed)
    prefix = prefix_of(folder)
    pattern = "/".join(path.parts[len(fixed) :])
    files = hits(folder, pattern, prefix, walked)
    first = next(files, None)
    if first is None:
        raise BadRequest(f"No file matches {argument!r}. Quote the pattern if the shell must not expand it.")
    covered = glob.escape(prefix) + pattern.replace("**/", "*").replace("**", "*")
    return Root(folder, covered), chain((first,), files)


def hits(folder: Path, pattern: str, prefix: str, walked: Walk) -> Iterator[Found]:
    """Yield the files that a pattern matches below a folder."""
    for name in glob.iglob(pattern, root_dir=folder, recursive=True):
        hit = folder / name
        if any((folder / above).is_symlink() for above in Path(name).parents[:-1]):
            continue
        if hit.is_dir() and "**" not in pattern:
            yield from below(hit, folder, prefix, walked)
        elif not hit.is_dir():
            yield from taken(hit, folder, prefix, walked)


def below(folder: Path, root: Path, prefix: str, walked: Walk) -> Iterator[Found]:
    """Yield the files in a folder and the folders in it: nothing hidden, nothing outside of the root."""

    def unlisted(cause: OSError) -> None:
        name = printable(prefix + Path(cause.filename).relative_to(root).as_posix())
        walked.clashes[name] = f"{name} cannot be listed: {cause.strerror}. What is in it was left out."

    for here, folders, names in os.walk(folder, onerror=unlisted):
        kept = [name for name in folders if not hidden(name)]
        linked = [name for name in kept if Path(here, name).is_symlink()]
        shown = sorted(name for name in names if not hidden(name))
        walked.leave_out("hidden", len(folders) - len(kept) + len(names) - len(shown))
        walked.leave_out("linked folder", len(linked))
        folders[:] = sorted(set(kept) - set(linked))
        for name in shown:
            yield from taken(Path(here, name), root, prefix, walked)


def hidden(name: str) -> bool:
    """Tell whether a name is of what no walk looks at."""
    return name.startswith(".") or name == "__pycache__"


def taken(path: Path, root: Path, prefix: str, walked: Walk) -> Iterator[Found]:
    """Yield the file if it is one, stands below the root and its name promises a kind that is read; else count it."""
    if reason := unfit(path, root):
        walked.leave_out(reason)
    elif kind_by_name(path.name) is None:
        walked.leave_out(suffix_of(path.name) or "no extension")
    else:
        yield Found(path, prefix + path.relative_to(root).as_posix(), size_of(path))


def unfit(path: Path, root: Path) -> str:
    """Return what the path is instead of a file below the root, links followed; "" for such a file."""
    try:
        kind = special(os.stat(path).st_mode)
    except OSError:
        return "broken link" if path.is_symlink() else ""  # else its reader tells why it cannot be opened
    if not kind and path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        return "link to outside"
    return kind


def prefix_of(folder: Path) -> str:
    """Return what the sources below a folder begin with; "" for the root of the file system."""
    return f"{folder.name}/" if folder.name else ""
