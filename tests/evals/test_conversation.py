"""The suite `conversation`: a follow-up finds what it means, over parts as the server has them."""

import json
from pathlib import Path

import pytest

from contracts.errors import UnreadableDocument
from evals.__main__ import main
from evals.conversation import talks_of
from evals.indexing import Ingest
from ingest.embed import embed
from ingest.split import split
from switchboard import indexer_for

PASSAGES = {
    "teide": "Mount Teide is a volcano on Tenerife. Its summit, at 3,715 metres, is the highest point in Spain.",
    "tower": "The television tower of the capital is a popular sight. It is 368 metres high.",
    "bridge": "The suspension bridge has two pylons. They are 254 metres high, and ships pass below.",
}
TALK = [
    {"speaker": "user", "text": "Where is Mount Teide?"},
    {"speaker": "agent", "text": "It is a volcano on Tenerife."},
    {"speaker": "user", "text": "How many metres high is it?"},
]


def folder_of(path: Path, talk: list[dict[str, str]]) -> Path:
    rows = [{"_id": id, "title": "", "text": text} for id, text in PASSAGES.items()]
    (path / "pool_corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    row = {"task_id": "t1", "conversation_id": "c1", "input": talk}
    (path / "mtragun_reference.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nt1\tteide\t1\n", "utf-8")
    return path


def test_a_follow_up_finds_what_the_question_before_it_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, TALK)
    main(
        ["conversation", "--data", str(folder), "--out", str(tmp_path / "out"), "--json"],
        lambda: Ingest(split, embed, indexer_for),
    )
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["ndcg@5"]["value"] == metrics["model.ndcg@5"]["value"] == 1.0
    assert metrics["last.ndcg@5"]["value"] < 1.0


@pytest.mark.parametrize(
    ("talk", "says"),
    [(TALK[:2], "must end with a message of the user"), ([{"speaker": "bot", "text": "Hi"}], "found 'bot'")],
)
def test_a_conversation_that_cannot_be_asked_is_named(
    talk: list[dict[str, str]], says: str, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableDocument, match=rf"mtragun_reference.jsonl, line 1: .*{says}"):
        talks_of(folder_of(tmp_path, talk))
