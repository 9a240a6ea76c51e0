"""Virtual environments of the peers, made on demand in a folder outside the project. Versions are in pins.toml."""

import asyncio
import json
import shutil
import tomllib
from pathlib import Path
from typing import Final

PINS: Final = Path(__file__).with_name("pins.toml")
CACHE: Final = Path.home() / ".cache" / "switchboard-bench"
PYTHON: Final = "3.11"
"""The version that all peers run on: aegra 0.6.0 is the newest that resolves there."""


def pins(path: Path = PINS) -> dict[str, list[str]]:
    """Return what is installed for each peer."""
    return {name: peer["requirements"] for name, peer in tomllib.loads(path.read_text()).items()}


async def ensure(name: str, cache: Path = CACHE, path: Path = PINS) -> Path:
    """Return the peer's environment, made where it is missing or has other pins. Raises RuntimeError."""
    folder, wanted = cache / name, pins(path)[name]
    stamp = folder / "pins.json"
    if stamp.is_file() and json.loads(stamp.read_text()) == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    uv = _uv()
    await _run(uv, "venv", "--quiet", "--python", PYTHON, str(folder))
    python = str(folder / "bin" / "python")
    # copies: NLTK refuses to open a file that has a second link
    await _run(uv, "pip", "install", "--quiet", "--link-mode", "copy", "--python", python, *wanted)
    stamp.write_text(json.dumps(wanted))
    return folder


def _uv() -> str:
    """Return uv's path: the machine's own, or the one that `make setup` brought."""
    own = Path(__file__).parents[2] / ".uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.is_file() else "")
    if not found:
        raise RuntimeError("uv is not installed, and the peers are installed with it: `make setup` brings it")
    return found


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[1:3])} failed: {said.decode(errors='replace').strip()[-600:]}")
