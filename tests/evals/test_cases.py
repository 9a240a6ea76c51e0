"""Evaluation data is read as it is, and what is wrong with it is said with its line."""

import gzip
import json
from pathlib import Path

import pytest

from contracts.errors import BadRequest, UnreadableDocument
from evals.cases import asked, json_lines, judged, qrels, retrieval_data


@pytest.fixture
def retrieval(tmp_path: Path) -> Path:
    """A retrieval folder of two documents and two queries, one of them without a judgement."""
    write(
        tmp_path / "corpus.jsonl", [{"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "text": "two"}]
    )
    write(tmp_path / "queries.jsonl", [{"_id": "q1", "text": "one?"}, {"_id": "q2", "text": "two?"}])
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n")
    return tmp_path


def write(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def test_a_corpus_document_is_a_source_named_by_its_id(retrieval: Path) -> None:
    data = retrieval_data(retrieval)

    assert [(one.source, one.title, one.text) for one in data.documents] == [
        ("d1", "T", "one"),
        ("d2", "", "two"),
    ]
    assert data.queries == {"q1": "one?"}
    assert data.relevant == {"q1": {"d1": 2.0}}


def test_gzip_and_plain_files_read_alike(retrieval: Path) -> None:
    plain = retrieval_data(retrieval)
    for name in ("corpus.jsonl", "queries.jsonl"):
        path = retrieval / name
        (retrieval / f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()

    assert retrieval_data(retrieval) == plain


def test_a_line_ends_at_a_line_feed_alone(tmp_path: Path) -> None:
    text = "before\u2028after\u0085end\x0b\x0c\x1c"
    write(tmp_path / "some.jsonl", [{"text": text}, {"text": "next"}])

    assert [row["text"] for _, row in json_lines(tmp_path / "some.jsonl")] == [text, "next"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"_id": "d3"', "corpus.jsonl, line 3 is not JSON"),
        ('["d3"]', "corpus.jsonl, line 3: expected an object"),
        ('{"_id": "d3"}', "corpus.jsonl, line 3: the field 'text' is missing"),
        ('{"_id": "d1", "text": "again"}', "corpus.jsonl, line 3: the id 'd1' is there twice"),
    ],
)
def test_a_broken_line_is_named_with_its_number(retrieval: Path, line: str, said: str) -> None:
    with (retrieval / "corpus.jsonl").open("a") as file:
        file.write(line + "\n")

    with pytest.raises(UnreadableDocument, match=said):
        retrieval_data(retrieval)


def test_bytes_that_are_no_text_are_named_with_the_line_before(tmp_path: Path) -> None:
    (tmp_path / "some.jsonl").write_bytes(b'{"a": 1}\n' * 2000 + b"\xff\xfe\n")

    with pytest.raises(UnreadableDocument, match=r"some.jsonl, after line \d+: this is not UTF-8"):
        list(json_lines(tmp_path / "some.jsonl"))


def test_gzip_that_is_none_or_was_cut_off_is_said(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"a": 1}\n' * 5000)
    for name, data in (("none", b"plain"), ("cut", whole[: len(whole) // 2])):
        path = tmp_path / f"{name}.jsonl.gz"
        path.write_bytes(data)
        with pytest.raises(UnreadableDocument, match="cannot be read"):
            list(json_lines(path))


def test_a_judgement_of_what_is_not_there_is_said(retrieval: Path) -> None:
    (retrieval / "qrels.tsv").write_text("q1\td9\t1\n")
    with pytest.raises(UnreadableDocument, match="names the document 'd9'"):
        retrieval_data(retrieval)

    (retrieval / "qrels.tsv").write_text("q9\td1\t1\n")
    with pytest.raises(UnreadableDocument, match="judges the query 'q9'"):
        retrieval_data(retrieval)


def test_a_broken_judgement_is_named_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "qrels.tsv"
    path.write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1 d2 1\n")

    with pytest.raises(UnreadableDocument, match=r"qrels\.tsv, line 3"):
        qrels(path)


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_file_that_is_missing_is_bad_usage(retrieval: Path, missing: str) -> None:
    (retrieval / missing).unlink()

    with pytest.raises(BadRequest, match=f"There is no {missing}"):
        retrieval_data(retrieval)


def test_a_folder_that_is_missing_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="There is no folder"):
        judged(tmp_path / "nowhere")


def test_judged_questions_take_their_kind_from_the_file(tmp_path: Path) -> None:
    row = {"id": 7, "input": "who?", "passages": [{"title": "T", "text": "He."}]}
    write(tmp_path / "x_answerable.jsonl", [row])
    write(tmp_path / "x_unanswerable.jsonl", [row | {"id": 8}])

    found = judged(tmp_path)

    assert [(one.id, one.question, one.passages, one.answerable) for one in found] == [
        ("7", "who?", [("T", "He.")], True),
        ("8", "who?", [("T", "He.")], False),
    ]


def test_a_question_with_unknown_fields_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path / "q.jsonl", [{"id": "a", "question": "?", "answerable": True, "sauce": "x"}])

    with pytest.raises(UnreadableDocument, match=r"q\.jsonl, line 1"):
        asked(tmp_path / "q.jsonl")
