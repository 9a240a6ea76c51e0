"""Two states of a small corpus: what a second run has to do is of every kind."""

import shutil
from pathlib import Path
from typing import Final

SECTIONS: Final = 40
"""Of the one long document: more points than one call of the index takes."""
SMALL: Final = 12


def section(number: int, words: str) -> str:
    """Return a section of about a hundred words."""
    return (
        f"## Part {number}\n\n" + f"The {words} number {number} is kept in hall {number % 7}. " * 12 + "\n\n"
    )


def write_old(folder: Path) -> None:
    """Write the older state."""
    folder.mkdir(parents=True)
    (folder / "long.md").write_text("# Long\n\n" + "".join(section(n, "lamp") for n in range(SECTIONS)))
    for number in range(SMALL):
        write_small(folder, number, "shelf")
    (folder / "leaving.txt").write_text("This file is deleted later. It tells of the old rules.\n")
    (folder / "moving.md").write_text("# Moving\n\nThis file moves to another folder as it is.\n")


def write_new(folder: Path) -> None:
    """Bring the folder to the newer state: changed, added, moved, deleted, and most of it as it was."""
    (folder / "long.md").write_text(
        "# Long\n\n" + "".join(section(n, "lantern") for n in range(SECTIONS + 5))
    )
    for number in range(0, SMALL, 3):
        write_small(folder, number, "cupboard")
    for number in range(SMALL, SMALL + 4):
        write_small(folder, number, "table")
    (folder / "leaving.txt").unlink()
    (folder / "there").mkdir()
    shutil.move(folder / "moving.md", folder / "there" / "moving.md")
    (folder / "damaged.pdf").write_bytes(b"%PDF-1.4 this is not one")


def write_small(folder: Path, number: int, words: str) -> None:
    """Write one small document, in one of four formats by its number."""
    text = f"The {words} of room {number} was bought in {1990 + number} and may be borrowed for {number + 2} days."
    match number % 4:
        case 0:
            (folder / f"{number:02d}.md").write_text(f"# Room {number}\n\n{text}\n")
        case 1:
            (folder / f"{number:02d}.html").write_text(f"<h1>Room {number}</h1><p>{text}</p>")
        case 2:
            (folder / f"{number:02d}.txt").write_text(text)
        case _:
            (folder / f"{number:02d}.csv").write_text(f"thing,room,days\n{words},{number},{number + 2}\n")
