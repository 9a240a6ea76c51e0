"""Whether passages answer a question."""

from collections.abc import Iterator

import pytest

from ports.onnx import MiniLM
from retrievers.answerability import NAMES, probability, signals
from retrievers.choice import Found, found_in
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


def found(minilm: MiniLM, question: str, *texts: str) -> list[Found]:
    asked = read(minilm, question)
    return [one for n, text in enumerate(texts) for one in found_in(asked, read(minilm, text), n, 0.7)]


def test_what_is_answered_is_more_probable_than_what_is_not(minilm: MiniLM) -> None:
    asked = ["When did the oil crisis begin?", "How many people live in Oslo?", "How do I renew my passport?"]
    answered, *others = (probability(found(minilm, question, TEXT)) for question in asked)
    assert answered > 0.5
    assert max(others) < 0.2


def test_the_best_passage_decides(minilm: MiniLM) -> None:
    question, other = "When did the oil crisis begin?", "Bread is baked from flour and water."
    alone = probability(found(minilm, question, TEXT))
    assert probability(found(minilm, question, other, TEXT)) == pytest.approx(alone, abs=0.05)
    assert probability(found(minilm, question, other)) < 0.5 < alone
    assert probability([]) == 0.0


def test_an_answer_with_rivals_is_less_probable(minilm: MiniLM) -> None:
    question = "When did the oil crisis begin?"
    rival = "The 1979 oil crisis began in January 1979, when strikes in Iran cut the output."
    assert (
        probability(found(minilm, question, TEXT, rival)) < probability(found(minilm, question, TEXT)) - 0.02
    )


def test_words_that_say_how_something_is_asked_count_little(minilm: MiniLM) -> None:
    text = "Well-behaved dogs are welcome in the office on Fridays."
    plain = probability(found(minilm, "dogs in the office?", text))
    assert probability(found(minilm, "can i bring my dog to the office", text)) > 0.5
    assert plain > 0.5


def test_coverage_counts_whole_words_without_their_endings(minilm: MiniLM) -> None:
    question = read(minilm, "Which barrels were embargoed?")
    assert coverage(question, "an embargo on each barrel") == pytest.approx(1)
    assert coverage(question, "an embargo") == pytest.approx(0.5, abs=0.2)
    assert coverage(question, "something else") == 0


def test_texts_without_words_have_no_signals(minilm: MiniLM) -> None:
    assert signals(found(minilm, "?", TEXT)).tolist() == [0] * len(NAMES)
    assert signals(found(minilm, "When?", " ")).tolist() == [0] * len(NAMES)
