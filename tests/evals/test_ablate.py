"""The ablation: one change at a time, on the same questions, with paired differences."""

import json
from pathlib import Path

import numpy as np
import pytest

from contracts.documents import Document, Section
from contracts.errors import BadRequest
from evals.__main__ import main
from evals.ablate import Group, Measured, difference, part_of, studies, table
from evals.cases import RetrievalData
from evals.indexing import Ingest
from evals.pieces import PIECES, untitled, whole
from ingest.embed import embed
from ingest.split import split
from retrievers import rerank
from switchboard import indexer_for

INGEST = Ingest(split, embed, indexer_for)
FACTS = {
    "sky": ("Weather", "It is blue because air scatters short waves more than long ones."),
    "tea": ("Kitchen", "The green kind is steeped at eighty degrees for two minutes."),
    "bridge": ("Aare", "It was built in 1898 and carries two railway tracks."),
}
QUESTIONS = {"sky": "Why is the sky blue?", "tea": "How hot is green tea?", "bridge": "When was it built?"}


def folder_of(path: Path) -> Path:
    path.mkdir()
    rows = [{"_id": id, "title": title, "text": text} for id, (title, text) in FACTS.items()]
    (path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"_id": f"q-{id}", "text": text} for id, text in QUESTIONS.items()]
    (path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    rows = "".join(f"q-{id}\t{id}\t1\n" for id in FACTS)
    (path / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    return path


def test_each_piece_is_measured_beside_what_ships(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = folder_of(tmp_path / "facts"), tmp_path / "out"

    code = main(["ablate", "--data", str(data), "--out", str(out), "--json"], lambda: INGEST)

    body = json.loads(capsys.readouterr().out)
    assert (code, body["suite"], body["n"]) == (0, "ablate", 6)  # three questions over two groups
    assert body["metrics"]["facts.ndcg@10"]["value"] == 1
    for piece in PIECES:
        group = "facts" if piece.asking else "facts.part"
        assert f"{group}.{piece.name} {piece.change}.ndcg@10" in body["metrics"]
    page = (out / "ablate-facts.html").read_text()
    assert "MaxSim" in page
    assert "title and headings in the vectors" in page


def test_differences_are_paired_question_by_question() -> None:
    base = Measured("as it is", "", {"ndcg@10": [1.0, 0.5, 0.0], "recall@5": [1, 1, 0]})
    worse = Measured(
        "BM25", "left out", {"ndcg@10": [0.9, 0.4, -0.1], "recall@5": [1, 1, 0]}, [2.0, 4.0, 6.0]
    )
    group = Group("facts", "3 documents", base, [worse])

    assert difference(group, worse, "ndcg@10") == pytest.approx((-0.1, -0.1, -0.1))  # no spread between them
    made = table(group)
    assert made.rows[0] == ["as it is", "", "0.500", "", "0.667", "", "–"]
    assert made.rows[1][3] == "-0.100 (-0.100 to -0.100)"
    assert made.rows[1][-1] == "4.0"


def test_a_part_of_the_corpus_keeps_every_relevant_document_and_its_order() -> None:
    documents = [Document(f"d{at}", "", f"text {at}") for at in range(10_000)]
    data = RetrievalData(Path("x"), documents, {"q": "?"}, {"q": {"d9999": 1.0, "d5": 1.0}})

    part = [int(document.source[1:]) for document in part_of(data)]

    assert {5, 9999} <= set(part)
    assert len(part) == 3600
    assert part == sorted(part)
    assert np.diff(part).max() <= 4  # spread, not the first ones


def test_a_small_corpus_is_its_own_part() -> None:
    documents = [Document("a", "", "x"), Document("b", "", "y")]
    assert part_of(RetrievalData(Path("x"), documents, {"q": "?"}, {"q": {"b": 1.0}})) == documents


def test_a_folder_without_data_is_named() -> None:
    with pytest.raises(BadRequest, match="holds none of"):
        studies(Path(__file__).parent)


def test_a_weight_of_zero_takes_a_score_out_of_the_ranking() -> None:
    dense, bm25 = np.array([0.9, 0.1, 0.2], np.float32), np.array([1, 2, 9], np.float32)
    none = np.zeros(3, np.float32)
    assert int(rerank.fuse(dense, bm25, none, rerank.Weights(1, 0, 1)).argmax()) == 0
    assert int(rerank.fuse(dense, bm25, none, rerank.Weights(0, 1, 1)).argmax()) == 2


def test_untitled_vectors_do_not_know_the_title() -> None:
    class Lengths:
        def encode(self, texts: list[str]) -> object:
            seen.extend(texts)
            return type("E", (), {"dense": np.zeros((len(texts), 4)), "tokens": [""] * len(texts)})

        def count_tokens(self, text: str) -> int:
            return len(text.split())

    seen: list[str] = []
    document = Document("a", "A title", "Some text.", (Section(0, 10, ("Head",)),))
    untitled(INGEST).embed([split(document)], Lengths())
    assert seen == ["Some text."]


def test_an_uncut_document_is_one_chunk() -> None:
    text = "\n\n".join(["A sentence of a few words stands here. " * 20] * 6)
    document = Document("a", "", text, (Section(0, len(text)),))
    assert len(split(document)) > 1
    (chunk,) = whole(INGEST).split(document)
    assert document.text[chunk.start : chunk.end] == chunk.text
