"""Whether passages answer a question."""

from collections.abc import Iterator

import pytest

from ports.onnx import MiniLM
from retrievers.answerability import NAMES, probability, signals
from retrievers.reading import Read, coverage

TEXT = (
    "The 1973 oil crisis began in October 1973, when the members of OPEC proclaimed an embargo. "
    "By its end in March 1974 the price of oil had risen from 3 dollars a barrel to nearly 12."
)


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniLM]:
    embedder = MiniLM(tmp_path_factory.mktemp("models"))
    yield embedder
    embedder.close()


def read(minilm: MiniLM, text: str) -> Read:
    found = minilm.encode([text])
    return Read(text, found.dense[0], found.tokens[0], found.spans[0], found.weights[0])


def test_what_is_answered_is_more_probable_than_what_is_not(minilm: MiniLM) -> None:
    asked = ["When did the oil crisis begin?", "How many people live in Oslo?", "How do I renew my passport?"]
    answered, *others = (probability(read(minilm, question), [read(minilm, TEXT)]) for question in asked)
    assert answered > 0.5
    assert max(others) < 0.2


def test_the_best_passage_decides(minilm: MiniLM) -> None:
    question = read(minilm, "When did the oil crisis begin?")
    right, wrong = read(minilm, TEXT), read(minilm, "Bread is baked from flour and water.")
    alone = probability(question, [right])
    assert probability(question, [wrong, right]) == alone
    assert probability(question, [wrong]) < alone
    assert probability(question, []) == 0.0


def test_coverage_counts_whole_words_without_their_endings(minilm: MiniLM) -> None:
    question = read(minilm, "Which barrels were embargoed?")
    assert coverage(question, "an embargo on each barrel") == pytest.approx(1)
    assert coverage(question, "an embargo") == pytest.approx(0.5, abs=0.2)
    assert coverage(question, "something else") == 0


def test_texts_without_words_have_no_signals(minilm: MiniLM) -> None:
    assert signals(read(minilm, "?"), read(minilm, TEXT)).tolist() == [0] * len(NAMES)
    assert signals(read(minilm, "When?"), read(minilm, " ")).tolist() == [0] * len(NAMES)
