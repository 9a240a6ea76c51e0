"""Builds the int8 ONNX graphs of the packaged embedders from their weights; ports/made.py keeps them on disk.

The graph is written for sequences without padding, one text a run, out of onnxruntime's fused operators.
Do not add a mask or a batch: activations are quantised over the whole tensor, so in a batch a text's vector
would depend on its neighbours, and batches of 8 were 10% slower. Weights have 7 bits, not 8: CPUs without
VNNI add two products in 16 bits and would saturate; it costs .0007 of cosine. Figures: docs/models.md.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ports.weights import POSITIONS

LAYERS: Final = 6
HEADS: Final = 12
FUSED: Final = "com.microsoft"
"""The domain of onnxruntime's own operators."""
BITS7: Final = 63
EPSILON: Final = 1e-12

Array = NDArray[Any]


def read_safetensors(path: Path) -> dict[str, Array]:
    """Return the file's float32 tensors by name, mapped, not read."""
    raw = np.memmap(path, np.uint8, "r")
    (length,) = struct.unpack("<Q", raw[:8].tobytes())
    header: dict[str, Any] = json.loads(raw[8 : 8 + length].tobytes())
    tensors: dict[str, Array] = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            first, last = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = raw[first:last].view(np.float32).reshape(entry["shape"])
    return tensors


@dataclass(frozen=True, slots=True)
class Model:
    """What tells one model of this architecture from another."""

    name: str
    positions: int
    """The longest input, specials included."""
    first: bool = False
    """Whether the first token stands for the text; else the mean of all, specials included."""
    layer: int = LAYERS
    """The layer whose states are the tokens' vectors, counted from 1."""
    projection: Array | None = None
    """(385, d): the tokens' vectors are states @ its first 384 rows + its last one; None leaves them as they are."""


MINILM: Final = Model("all-minilm-l6-v2-int8", POSITIONS)


def build(tensors: dict[str, Array], model: Model = MINILM) -> onnx.ModelProto:
    """Return the model: `input_ids` (1, n) to `tokens` (1, n, 384 or d) and `sentence` (1, 384), L2-normalised."""
    graph = _Graph(tensors, model.positions)
    states = [graph.embeddings()]
    for layer in range(LAYERS):
        states.append(graph.layer(states[-1], layer))
    width = graph.tokens(states[model.layer], model.projection)
    pooled = states[-1]
    if model.first:
        pooled = graph.node("Gather", [pooled, graph.put("first", np.array([0]))], axis=1)
    pooled = graph.node("ReduceSum", [pooled, graph.put("axis", np.array([1]))], keepdims=0)
    graph.node("LpNormalization", [pooled], to="sentence", axis=-1, p=2)
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])]
    outputs = [
        helper.make_tensor_value_info("tokens", TensorProto.FLOAT, [1, "n", width]),
        helper.make_tensor_value_info("sentence", TensorProto.FLOAT, [1, 384]),
    ]
    made = helper.make_graph(graph.nodes, model.name, inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9, producer_name="switchboard")


class _Graph:
    """The nodes and constants of the model while it is written."""

    def __init__(self, tensors: dict[str, Array], positions: int) -> None:
        self.tensors = tensors
        self.positions = positions
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def put(self, name: str, array: Array) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op: str, inputs: list[str], domain: str = "", to: str = "", **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        to = to or f"{op}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [to], name=to, domain=domain, **attributes))
        return to

    def embeddings(self) -> str:
        """Look up words (8 bits, a scale a row) and positions; the only token type is folded into these."""
        table = self.tensors["embeddings.word_embeddings.weight"]
        scale = (np.abs(table).max(axis=1, keepdims=True) / 127).astype(np.float32)
        scale[scale == 0] = 1
        words = self.node("Gather", [self.put("words", np.rint(table / scale).astype(np.int8)), "input_ids"])
        words = self.node("DequantizeLinear", [words, self.put("unit", np.array(1, np.float32))])
        scales = self.node("Gather", [self.put("words.scale", scale), "input_ids"])
        words = self.node("Mul", [words, scales])
        position = self.tensors["embeddings.position_embeddings.weight"][: self.positions]
        position = position + self.tensors["embeddings.token_type_embeddings.weight"][0]
        zero = self.put("zero", np.array([0]))
        length = self.node("Shape", ["input_ids"], start=1, end=2)
        position = self.node("Slice", [self.put("positions", position), zero, length])
        hidden = self.node("Add", [words, position])
        norm = self.norm("embeddings.LayerNorm")
        return self.node("LayerNormalization", [hidden, *norm], axis=-1, epsilon=EPSILON)

    def tokens(self, hidden: str, projection: Array | None) -> int:
        """Give out a layer's states, projected where there is a projection; return their width."""
        if projection is None:
            self.node("Identity", [hidden], to="tokens")
            return 384
        matrix = self.put("projection", projection[:-1].astype(np.float32))
        origin = self.put("origin", projection[-1].astype(np.float32))
        self.node("Add", [self.node("MatMul", [hidden, matrix]), origin], to="tokens")
        return projection.shape[1]

    def layer(self, hidden: str, number: int) -> str:
        """Add one transformer layer: attention, then the feed-forward part, each with its residual."""
        name = f"encoder.layer.{number}"
        attended = self.attention(hidden, f"{name}.attention.self")
        dense = self.dense(attended, f"{name}.attention.output.dense")
        norm = self.norm(f"{name}.attention.output.LayerNorm")
        hidden = self.node("SkipLayerNormalization", [dense, hidden, *norm], FUSED, epsilon=EPSILON)
        inner = self.dense(hidden, f"{name}.intermediate.dense", bias=False)
        bias = self.put(f"{name}.gelu.bias", self.tensors[f"{name}.intermediate.dense.bias"])
        dense = self.dense(self.node("BiasGelu", [inner, bias], FUSED), f"{name}.output.dense")
        norm = self.norm(f"{name}.output.LayerNorm")
        return self.node("SkipLayerNormalization", [dense, hidden, *norm], FUSED, epsilon=EPSILON)

    def attention(self, hidden: str, name: str) -> str:
        """Add query, key and value as one product, and the attention over it."""
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        matrix = np.concatenate([self.tensors[f"{part}.weight"].T for part in parts], axis=1)
        bias = self.put(f"{name}.bias", np.concatenate([self.tensors[f"{part}.bias"] for part in parts]))
        weight, scale, zero = self.quantised(name, matrix)
        bytes_, step, origin = (f"{name}.{part}" for part in ("bytes", "step", "origin"))
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [hidden], [bytes_, step, origin]))
        inputs = [bytes_, weight, bias, step, scale, "", origin, zero]
        return self.node("QAttention", inputs, FUSED, num_heads=HEADS)

    def dense(self, x: str, name: str, bias: bool = True) -> str:
        """Add a product with the weight matrix, and its bias if asked."""
        weight, scale, zero = self.quantised(name, self.tensors[f"{name}.weight"].T)
        added = [self.put(f"{name}.bias", self.tensors[f"{name}.bias"])] if bias else []
        return self.node("DynamicQuantizeMatMul", [x, weight, scale, zero, *added], FUSED)

    def quantised(self, name: str, matrix: Array) -> list[str]:
        """Put the matrix (in, out) as signed 7-bit numbers with a scale a column, and return the names."""
        scale = (np.abs(matrix).max(axis=0) / BITS7).astype(np.float32)
        whole = np.rint(matrix / scale).astype(np.int8)
        parts = {"weight": whole, "scale": scale, "zero": np.zeros_like(scale, np.int8)}
        return [self.put(f"{name}.{part}", array) for part, array in parts.items()]

    def norm(self, name: str) -> list[str]:
        """Put the gain and the bias of a layer normalisation and return their names."""
        return [self.put(f"{name}.{part}", self.tensors[f"{name}.{part}"]) for part in ("weight", "bias")]
