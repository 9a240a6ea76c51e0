"""Fits the projections of token vectors: `python -m evals.fit_projection MODELS_FOLDER [minilm|granite]`.

The texts are the docstrings of Python's standard library: neutral, at hand everywhere, in no evaluation set.
Run it again only together with a new space (ports/onnx.py, retrievers/tokens.py).
"""

import ast
import random
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ports import weights
from ports.export import Model, build
from ports.made import GRANITE_LAYER
from ports.onnx import Granite, MiniLM
from ports.pack import read_pack
from ports.weights import GRANITE_POSITIONS
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


def fit_granite(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the centred principal directions, each divided by the square root of its deviation, (385, 64).

    The last row is the origin. Half of whitening: directions that vary little tell words apart, and are noisier.
    """
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    spread, directions = np.linalg.eigh(centred.T @ centred / len(vectors))
    spread, directions = spread[::-1][:DIMENSIONS], directions[:, ::-1][:, :DIMENSIONS]
    rotation, _ = np.linalg.qr(np.random.default_rng(SEED).normal(size=(DIMENSIONS, DIMENSIONS)))
    matrix = directions * spread**-0.25 @ rotation
    return np.concatenate([matrix, -(mean @ matrix)[None]]).astype(np.float32)


def granite_states(folder: Path, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the states of the layer that Granite's tokens are taken from, (n, 384)."""
    tensors, tokenizer = read_pack(weights.require(weights.GRANITE, folder))
    bare = Model("granite", GRANITE_POSITIONS, first=True, layer=GRANITE_LAYER)
    session = onnxruntime.InferenceSession(build(tensors, bare).SerializeToString())
    reader = Tokenizer.from_buffer(tokenizer)
    found: list[NDArray[np.float32]] = []
    for text in texts:
        ids = [Granite.begin, *reader.encode(text, add_special_tokens=False).ids, Granite.end]
        states, _ = session.run(None, {"input_ids": np.array([ids[:GRANITE_POSITIONS]], np.int64)})
        found.append(np.asarray(states)[0, 1:-1])
    return np.concatenate(found)


def main(folder: Path, model: str) -> None:
    """Write the projection beside the module that reads it."""
    texts = list(docstrings())
    random.Random(SEED).shuffle(texts)  # noqa: S311 - a sample, no secret
    if model == "granite":
        vectors = granite_states(folder, texts[:TEXTS])
        path, made = Path(__file__).parents[1] / "ports" / "granite_tokens.npy", fit_granite(vectors)
    else:
        minilm = MiniLM(folder)
        vectors = np.concatenate(minilm.encode(texts[:TEXTS]).tokens)
        minilm.close()
        path, made = Path(__file__).parents[1] / "retrievers" / "projection.npy", fit(vectors)
    np.save(path, made.astype(np.float16))
    print(f"{path.name}: {len(vectors):,} tokens of {min(TEXTS, len(texts)):,} docstrings")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/models"), (sys.argv[2:] or ["minilm"])[0])
