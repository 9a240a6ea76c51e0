"""Fits retrievers/projection.npy: `python -m evals.fit_projection MODELS_FOLDER`.

The texts are the docstrings of Python's standard library: neutral, at hand everywhere, in no evaluation set.
Run it again only together with a new retrievers.tokens.VERSION.
"""

import ast
import random
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ports.onnx import MiniLM
from retrievers.tokens import DIMENSIONS

TEXTS: Final = 1500
SEED: Final = 1


def docstrings() -> Iterator[str]:
    """Yield the docstrings of 200 to 1,500 characters, tests left out, in the order of their paths."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        if {"site-packages", "test", "tests"} & set(path.relative_to(library).parts):
            continue
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                if 200 < len(text) < 1500:
                    yield text


def fit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the principal directions (384, 64), not centred, rotated at random.

    The rotation spreads the variance evenly, so that one step size suits all coordinates.
    """
    _, directions = np.linalg.eigh(vectors.T @ vectors)
    rotation, _ = np.linalg.qr(np.random.default_rng(SEED).normal(size=(DIMENSIONS, DIMENSIONS)))
    return (directions[:, ::-1][:, :DIMENSIONS] @ rotation).astype(np.float32)


def main(folder: Path) -> None:
    """Write the projection beside the module that reads it."""
    texts = list(docstrings())
    random.Random(SEED).shuffle(texts)  # noqa: S311 - a sample, no secret
    minilm = MiniLM(folder)
    vectors = np.concatenate(minilm.encode(texts[:TEXTS]).tokens)
    minilm.close()
    path = Path(__file__).parents[1] / "retrievers" / "projection.npy"
    np.save(path, fit(vectors).astype(np.float16))
    print(f"{path.name}: {len(vectors):,} tokens of {min(TEXTS, len(texts)):,} docstrings")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/models"))
