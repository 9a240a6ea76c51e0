"""Reads the container in which granite-embedding-30m-english comes: int8 weights and the tokenizer in one file.

    magic `HMSEMB01` | u64 length | JSON header | tokenizer.json | tensors in the header's order

An `i8` tensor is its bytes row by row, then a float32 scale for each `group` of them. Little-endian throughout.
"""

import json
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import DamagedWeights

MAGIC: Final = b"HMSEMB01"
HEAD: Final = len(MAGIC) + 8
_NAMES: Final = {
    "word_emb": "embeddings.word_embeddings.weight",
    "type_emb": "embeddings.token_type_embeddings.weight",
    "emb_ln.w": "embeddings.LayerNorm.weight",
    "emb_ln.b": "embeddings.LayerNorm.bias",
}
_PARTS: Final = {
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "f1": "intermediate.dense",
    "f2": "output.dense",
    "fln": "output.LayerNorm",
}
_KINDS: Final = {"w": "weight", "b": "bias"}

Array = NDArray[np.float32]


def read_pack(path: Path) -> tuple[dict[str, Array], bytes]:
    """Return the tensors under BERT's names, float32, and the tokenizer's JSON. Raises DamagedWeights."""
    raw = path.read_bytes()
    if raw[: len(MAGIC)] != MAGIC:
        raise DamagedWeights(f"{path.name} is no pack of an embedding model: it begins with {raw[:8]!r}.")
    (length,) = struct.unpack("<Q", raw[len(MAGIC) : HEAD])
    header: dict[str, Any] = json.loads(raw[HEAD : HEAD + length])
    at = HEAD + length
    tokenizer = raw[at : at + header["tokenizer_len"]]
    at += len(tokenizer)
    tensors: dict[str, Array] = {}
    for entry in header["tensors"]:
        tensors.update(_named(entry["name"], _tensor(entry, raw[at : at + entry["len"]]), header["arch"]))
        at += entry["len"]
    return tensors, tokenizer


def _tensor(entry: dict[str, Any], raw: bytes) -> Array:
    shape, group = entry["shape"], entry["group"]
    if entry["dtype"] == "f32":
        return np.frombuffer(raw, np.float32).reshape(shape)
    size = int(np.prod(shape))
    whole = np.frombuffer(raw[:size], np.int8).reshape(-1, group).astype(np.float32)
    return (whole * np.frombuffer(raw[size:], np.float32)[:, None]).reshape(shape)


def _named(name: str, tensor: Array, arch: dict[str, Any]) -> dict[str, Array]:
    """Return the tensor under BERT's name; query, key and value are one here and three there."""
    if name == "pos_emb":
        return {"embeddings.position_embeddings.weight": tensor[arch["position_offset"] :]}
    if name in _NAMES:
        return {_NAMES[name]: tensor}
    layer, part, kind = name.split(".")
    prefix, suffix = f"encoder.layer.{layer[1:]}", _KINDS[kind]
    if part != "qkv":
        return {f"{prefix}.{_PARTS[part]}.{suffix}": tensor}
    parts = zip(("query", "key", "value"), np.split(tensor, 3), strict=True)
    return {f"{prefix}.attention.self.{one}.{suffix}": rows for one, rows in parts}
