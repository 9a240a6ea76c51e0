"""The embedders' int8 models on disk, made by `python -m ports.made FOLDER` or where one is missing.

How they are made is in ports/export.py, which is loaded only for that.
"""

import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ports import weights

GRANITE_LAYER: Final = 3
"""Whose states are Granite's token vectors: the last ones lean towards the text's own vector (docs/models.md)."""
RECIPE: Final = 1
"""Raise it when the graph in ports/export.py changes, so that every cache makes the models anew."""


def ensure_minilm(folder: Path) -> Path:
    """Return MiniLM's int8 model in `folder`, making it (1 s) where it is missing, damaged or of another recipe.

    Safe when several processes call it at once: one makes it, the others wait. Raises DamagedWeights.
    """

    def make() -> bytes:
        from ports.export import build, read_safetensors

        source = weights.require(weights.MINILM, folder)
        return build(read_safetensors(source)).SerializeToString()

    return _ensured(folder, f"all-minilm-l6-v2-int8-{weights.MINILM.sha256[:8]}-r{RECIPE}.onnx", make)


def ensure_granite(folder: Path) -> tuple[Path, Path]:
    """Return Granite's int8 model and its tokenizer in `folder`, made as `ensure_minilm` does."""

    def make() -> bytes:
        from ports.export import Model, build
        from ports.pack import read_pack

        tensors, _ = read_pack(weights.require(weights.GRANITE, folder))
        kind = Model(
            "granite", weights.GRANITE_POSITIONS, first=True, layer=GRANITE_LAYER, projection=projection()
        )
        return build(tensors, kind).SerializeToString()

    def unpack() -> bytes:
        from ports.pack import read_pack

        return read_pack(weights.require(weights.GRANITE, folder))[1]

    name = f"granite-embedding-30m-english-int8-{weights.GRANITE.sha256[:8]}-r{RECIPE}"
    return _ensured(folder, f"{name}.onnx", make), _ensured(folder, f"{name}.json", unpack)


def projection() -> NDArray[np.float32]:
    """Return the projection of Granite's token vectors, (385, 64): evals/fit_projection.py made it."""
    with files("ports").joinpath("granite_tokens.npy").open("rb") as file:
        return np.load(file).astype(np.float32)


def _ensured(folder: Path, name: str, make: Callable[[], bytes]) -> Path:
    path = folder / name
    pin = path.with_suffix(f"{path.suffix}.sha256" if path.suffix == ".json" else ".sha256")
    with weights.locked(folder, path.stem.split("-")[0]):
        if not (path.exists() and pin.exists() and weights.digest(path, folder) == pin.read_text()):
            weights.replace(path, make())
            weights.replace(pin, weights.digest(path, folder).encode())
    return path


if __name__ == "__main__":
    for ensure in (ensure_minilm, ensure_granite):
        print(ensure(Path(sys.argv[1] if len(sys.argv) > 1 else "data/models")))
