"""The plain questions are sound: their answers stand in the handbook, and what is held out is in no other set."""

import json
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
import check_questions  # noqa: E402 - it is a script beside the questions, no package

SETS = ("questions_plain_dev.jsonl", "questions_plain_heldout.jsonl")


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (EXAMPLES / name).read_text("utf-8").splitlines()]


def flat(text: str) -> str:
    return " ".join(text.lower().split())


def test_every_gold_string_stands_in_its_document():
    texts = {path.name: flat(check_questions.text_of(path)) for path in (EXAMPLES / "handbook").iterdir()}
    lacking = [
        (row["id"], gold)
        for name in SETS
        for row in rows(name)
        if row["answerable"]
        for gold in row["contains"]
        if flat(gold) not in texts[row["source"]]
    ]
    assert lacking == []


def test_no_question_is_in_two_sets():
    asked = [
        flat(row["question"])
        for name in ("questions.jsonl", *SETS)
        for row in rows(name)
        if "history" not in row
    ]
    assert sorted(asked) == sorted(set(asked))


def test_each_set_has_every_kind_of_question():
    for name in SETS:
        kinds = {("ways" in row, "history" in row, row["answerable"]) for row in rows(name)}
        assert {
            (False, False, True),
            (False, False, False),
            (False, True, True),
            (True, False, False),
        } <= kinds
