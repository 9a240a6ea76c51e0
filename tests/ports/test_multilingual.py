"""The multilingual embedder and the lexicon that it makes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import SetupError
from ports import weights
from ports.lexicon import Lexicon, chosen
from ports.multilingual import DIMENSION, Multilingual
from ports.pieces import tokenizer_of

ENGLISH = frozenset({"rent", "breakfast", "notice", "queen", "bridge", "three", "morning", "tenant"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def embedder(folder: Path) -> Iterator[Multilingual]:
    made = Multilingual(folder)
    yield made
    made.close()


@pytest.mark.parametrize(
    "question",
    [
        "Wie lang ist die Kündigungsfrist?",
        "¿Cuál es el plazo de preaviso?",
        "Какой срок уведомления?",
        "通知期限是多长？",
        "ما هي مدة الإشعار؟",
    ],
)
def test_a_question_is_nearest_to_its_answer_in_another_language(
    embedder: Multilingual, question: str
) -> None:
    passages = [
        "The notice period is three months.",
        "Breakfast is served at eight.",
        "The bridge is closed.",
    ]

    near = embedder.encode(passages) @ embedder.encode([question])[0]

    assert int(near.argmax()) == 0


def test_a_text_has_the_same_vector_whatever_is_beside_it(embedder: Multilingual) -> None:
    texts = ["", "one", "zwei Wörter", "三", "x " * 300, "ق"]

    together = embedder.encode(texts)

    assert together.shape == (len(texts), DIMENSION)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    for text, row in zip(texts, together, strict=True):
        assert embedder.encode([text])[0] == pytest.approx(row, abs=1e-4)
    assert embedder.encode([]).shape == (0, DIMENSION)


def test_pieces_are_those_that_the_model_was_trained_with(folder: Path) -> None:
    tokenizer = tokenizer_of(weights.require(weights.USE_PIECES, folder))

    assert tokenizer.get_vocab_size() == 128_000
    assert tokenizer.encode("Hello  ｗｏｒｌｄ ").tokens == ["▁Hello", "▁world"]


def test_a_word_is_translated_by_the_words_that_are_near(embedder: Multilingual, folder: Path) -> None:
    lexicon = Lexicon(folder, embedder, lambda word: word not in ENGLISH)

    found = lexicon.translations(["Miete", "Frühstück", "мост", "女王"], most=2)

    assert [near[0][0] for near in found] == ["rent", "breakfast", "bridge", "queen"]
    assert found[0][0][1] > found[0][1][1]
    assert lexicon.translations(["Miete"], most=2) == found[:1]


def test_a_lexicon_that_was_cut_off_is_made_anew(embedder: Multilingual, folder: Path) -> None:
    Lexicon(folder, embedder, lambda word: word not in ENGLISH).translations(["Miete"], most=2)
    (made,) = folder.glob("lexicon-*.f16")
    whole = made.read_bytes()
    made.write_bytes(whole[:100])

    Lexicon(folder, embedder, lambda word: word not in ENGLISH).translations(["Miete"], most=2)

    assert made.read_bytes() == whole


def test_only_whole_english_words_are_in_the_lexicon() -> None:
    vocabulary = {
        "[PAD]": 0,
        "the": 1996,
        "rent": 2000,
        "##ing": 2001,
        "a1b": 2002,
        "ab": 2003,
        "был": 2004,
        "dog": 1999,
    }

    assert chosen(vocabulary, {"the"}.__contains__) == ["dog", "rent"]


def test_a_package_that_is_missing_is_named_with_how_to_install_it() -> None:
    missing = weights.Pinned("usem3_missing", "x.npz", "00", weights.MULTILINGUAL, "some-distribution")

    with pytest.raises(SetupError, match=r"some-distribution with x\.npz is missing.*--extra multilingual"):
        weights.locate(missing)
