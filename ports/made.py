"""The embedder's int8 model on disk. How it is made is in ports/export.py, which is loaded only for that."""

from pathlib import Path
from typing import Final

from ports import weights

POSITIONS: Final = 256
"""The length that the model was trained for; the weights hold 512."""
RECIPE: Final = 1
"""Raise it when the graph in ports/export.py changes, so that every cache makes the model anew."""


def ensure_minilm(folder: Path) -> Path:
    """Return the int8 model in `folder`, making it (1 s) where it is missing, damaged or of another recipe.

    Safe when several processes call it at once: one makes it, the others wait. Raises DamagedWeights.
    """
    path = folder / f"all-minilm-l6-v2-int8-{weights.MINILM.sha256[:8]}-r{RECIPE}.onnx"
    pin = path.with_suffix(".sha256")
    with weights.locked(folder, "minilm"):
        if not (path.exists() and pin.exists() and weights.digest(path, folder) == pin.read_text()):
            from ports.export import build, read_safetensors

            source = weights.require(weights.MINILM, folder)
            weights.replace(path, build(read_safetensors(source)).SerializeToString())
            weights.replace(pin, weights.digest(path, folder).encode())
    return path
