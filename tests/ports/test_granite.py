"""The packaged embedder that was trained to find passages, and the container that it comes in."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import DamagedWeights
from ports.onnx import Granite
from ports.pack import read_pack
from ports.settings import Settings


@pytest.fixture(scope="module")
def granite() -> Iterator[Granite]:
    model = Granite(Settings().models_dir, threads=2)
    yield model
    model.close()


def test_the_passage_that_answers_is_nearest(granite: Granite) -> None:
    passages = [
        "Hamlet is a tragedy written by William Shakespeare around 1600.",
        "The Eiffel Tower is 330 metres tall.",
        "Green tea is steeped at eighty degrees for two minutes.",
    ]
    questions = [
        "Who is the author of Hamlet?",
        "height of the tower in Paris",
        "how hot should tea water be",
    ]
    near = granite.encode(questions).dense @ granite.encode(passages).dense.T
    assert near.argmax(axis=1).tolist() == [0, 1, 2]


def test_a_text_has_the_same_vectors_whatever_is_beside_it(granite: Granite) -> None:
    text = "Overtime is paid at time and a half. " * 8
    alone, among = granite.encode([text]), granite.encode(["Another text.", text, ""])
    assert np.array_equal(alone.dense[0], among.dense[1])
    assert np.array_equal(alone.tokens[0], among.tokens[1])


def test_tokens_come_projected_without_punctuation(granite: Granite) -> None:
    encoded = granite.encode(["Salaries, paid (all) on the 25th."])
    (rows,), (spans,), (weights,) = encoded.tokens, encoded.spans, encoded.weights
    text = "Salaries, paid (all) on the 25th."
    assert encoded.space == 2
    assert rows.shape == (len(spans), 64)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)
    assert {text[first:last].strip() for first, last in spans} >= {"paid", "on", "the", "25"}
    assert not {",", "(", ")"} & {text[first:last].strip() for first, last in spans}
    said = [text[first:last].strip() for first, last in spans]
    assert weights[said.index("the")] == 1
    assert weights[said.index("on")] == pytest.approx(np.log2(12))  # the eleventh from "the" on


def test_a_text_beyond_the_window_is_read_whole(granite: Granite) -> None:
    words = "one two three four five six seven eight nine ten " * 80
    encoded = granite.encode([words])
    assert granite.count_tokens(words) > granite.max_tokens
    assert len(encoded.tokens[0]) == 800
    assert np.linalg.norm(encoded.dense[0]) == pytest.approx(1, abs=1e-5)


def packed(path: Path, magic: bytes = b"HMSEMB01") -> Path:
    whole = np.array([[1, -2, 3, 4], [5, 6, 7, -8], [1, 1, 1, 1]], np.int8)
    scales = np.array([1.0, 2.0, 0.5, 1.0, 3.0, 4.0], np.float32)
    raw = whole.tobytes() + scales.tobytes()
    positions = np.arange(8, dtype=np.float32).tobytes()
    tensors = [
        {"name": "pos_emb", "dtype": "f32", "shape": [4, 2], "len": len(positions), "group": 0},
        {"name": "l3.qkv.w", "dtype": "i8", "shape": [3, 4], "len": len(raw), "group": 2},
    ]
    header = json.dumps({"arch": {"position_offset": 2}, "tokenizer_len": 2, "tensors": tensors}).encode()
    path.write_bytes(magic + struct.pack("<Q", len(header)) + header + b"{}" + positions + raw)
    return path


def test_a_pack_gives_tensors_under_the_names_of_bert(tmp_path: Path) -> None:
    tensors, tokenizer = read_pack(packed(tmp_path / "model.hmsemb"))
    assert tokenizer == b"{}"
    assert tensors["embeddings.position_embeddings.weight"].tolist() == [[4, 5], [6, 7]]
    assert tensors["encoder.layer.3.attention.self.query.weight"].tolist() == [[1, -2, 6, 8]]
    assert tensors["encoder.layer.3.attention.self.value.weight"].tolist() == [[3, 3, 4, 4]]


def test_what_is_no_pack_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DamagedWeights, match=r"other\.bin is no pack"):
        read_pack(packed(tmp_path / "other.bin", magic=b"PK000000"))
