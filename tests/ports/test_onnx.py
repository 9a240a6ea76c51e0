"""The embedded embedder and the weights it is made from."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import DamagedWeights, SetupError
from ports import made, weights
from ports.onnx import MiniLM


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def minilm(folder: Path) -> Iterator[MiniLM]:
    embedder = MiniLM(folder)
    yield embedder
    embedder.close()


def test_what_means_the_same_is_closer_than_what_shares_words(minilm: MiniLM) -> None:
    texts = ["How do I reset my password?", "I forgot my login secret", "How do I reset my watch?"]
    question, same, other = minilm.encode(texts).dense
    assert question @ same > question @ other


def test_vectors_have_length_one_and_the_stated_dimension(minilm: MiniLM) -> None:
    encoded = minilm.encode(["one", "two words", "x " * 900])
    assert encoded.dense.shape == (3, minilm.dimension)
    assert encoded.dense.dtype == np.float32
    assert np.linalg.norm(encoded.dense, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(np.concatenate(encoded.tokens), axis=1) == pytest.approx(1, abs=1e-5)


def test_a_vector_does_not_depend_on_what_is_beside_it(minilm: MiniLM) -> None:
    texts = ["short", "a rather longer text that would need padding in a batch " * 8, "another"]
    together = minilm.encode(texts)
    for i, text in enumerate(texts):
        alone = minilm.encode([text])
        assert np.array_equal(alone.dense[0], together.dense[i])
        assert np.array_equal(alone.tokens[0], together.tokens[i])


def test_the_end_of_a_long_text_is_read(minilm: MiniLM) -> None:
    long = "The harbour was quiet. " * 120
    ending = long + "Penguins breed in Antarctica. " * 40
    encoded = minilm.encode([long, ending, "penguins"])
    assert minilm.count_tokens(long) > minilm.max_tokens
    assert len(encoded.tokens[0]) == 120 * 4
    assert encoded.dense[1] @ encoded.dense[2] > encoded.dense[0] @ encoded.dense[2] + 0.1


def test_tokens_point_at_their_characters_and_leave_out_punctuation(minilm: MiniLM) -> None:
    text = "Héllo, world -- (2026)!"
    encoded = minilm.encode([text])
    assert [text[first:last] for first, last in encoded.spans[0]] == ["Héllo", "world", "202", "6"]
    assert encoded.tokens[0].shape == (4, 384)


def test_texts_without_words_are_no_error(minilm: MiniLM) -> None:
    encoded = minilm.encode(["", " \n", "?!"])
    assert [len(tokens) for tokens in encoded.tokens] == [0, 0, 0]
    assert np.array_equal(encoded.dense[0], encoded.dense[1])
    assert minilm.encode([]).dense.shape == (0, 384)


async def test_a_question_does_not_wait_for_an_ingest_batch(minilm: MiniLM) -> None:
    batch = ["A chunk of a document that is being read in. " * 20] * 64
    started, ended = threading.Event(), threading.Event()

    def ingest() -> None:
        started.set()
        minilm.embed_documents(batch)
        ended.set()

    thread = threading.Thread(target=ingest)
    thread.start()
    started.wait()
    vector = await minilm.aembed_query("Who waits?")
    assert not ended.is_set()
    thread.join()
    assert vector == minilm.embed_query("Who waits?")


def test_the_model_is_made_once_and_is_the_same_in_every_process(folder: Path, tmp_path: Path) -> None:
    model = made.ensure_minilm(folder)
    before = model.stat().st_mtime_ns
    assert made.ensure_minilm(folder).stat().st_mtime_ns == before
    threads = [threading.Thread(target=made.ensure_minilm, args=(tmp_path,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.ensure_minilm(tmp_path).read_bytes() == model.read_bytes()


def test_a_damaged_model_of_ours_is_made_anew(tmp_path: Path) -> None:
    path = made.ensure_minilm(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert made.ensure_minilm(tmp_path).read_bytes() == whole


def test_weights_that_are_not_the_pinned_ones_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.gguf"
    file.write_bytes(b"weights")
    known = weights.digest(file, tmp_path)
    weights.require_sha256(file, known, tmp_path, "Fetch it again")
    file.write_bytes(b"weightz!")
    with pytest.raises(DamagedWeights, match=r"some.gguf has sha256 .* Fetch it again"):
        weights.require_sha256(file, known, tmp_path, "Fetch it again")


def test_a_file_is_hashed_once(tmp_path: Path) -> None:
    file = tmp_path / "some.gguf"
    file.write_bytes(b"weights")
    weights.digest(file, tmp_path)
    stamps = tmp_path / "verified.json"
    stamps.write_text(
        json.dumps({path: [*seen[:2], "kept"] for path, seen in json.loads(stamps.read_text()).items()})
    )
    assert weights.digest(file, tmp_path) == "kept"


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(SetupError, match=r"no-such-package with model.bin is missing. Run `make setup`"):
        weights.locate(weights.Pinned("no_such_package", "model.bin", "0"))
