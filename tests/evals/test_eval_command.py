"""`switchboard eval` over real parts: what it prints, writes and returns."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.indexing import Ingest
from ingest.embed import embed
from ingest.split import split
from switchboard import indexer_for

INGEST = Ingest(split, embed, indexer_for)
FACTS = {
    "sky": "The sky is blue because air scatters short waves more than long ones.",
    "tea": "Green tea is steeped at eighty degrees for two minutes.",
    "bridge": "The bridge over the Aare was built in 1898 and carries two railway tracks.",
    "cat": "A cat sleeps for fifteen hours a day and hunts at dawn.",
}
QUESTIONS = {
    "sky": "Why is the sky blue?",
    "tea": "How hot is the water for green tea?",
    "bridge": "When was the bridge over the Aare built?",
    "cat": "How long does a cat sleep?",
}


def write(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus in which one document is long enough for several chunks."""
    folder = tmp_path_factory.mktemp("facts")
    long = FACTS | {"tea": " ".join([FACTS["tea"], *("Tea grows on hills in the rain." for _ in range(120))])}
    write(folder / "corpus.jsonl", [{"_id": id, "title": id, "text": text} for id, text in long.items()])
    write(folder / "queries.jsonl", [{"_id": f"q-{id}", "text": text} for id, text in QUESTIONS.items()])
    rows = "".join(f"q-{id}\t{id}\t1\n" for id in FACTS)
    (folder / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder for results, so that the index is made once."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """Questions with a passage that answers, and the same with one that does not."""
    ids = list(FACTS)
    for name, shift in (("some_answerable", 0), ("some_unanswerable", 1)):
        rows = [
            {
                "id": id,
                "input": QUESTIONS[id],
                "passages": [{"title": "", "text": FACTS[ids[(place + shift) % len(ids)]]}],
            }
            for place, id in enumerate(ids)
        ]
        write(tmp_path / "judged" / f"{name}.jsonl", rows)
    return tmp_path / "judged"


def test_retrieval_ends_with_one_json_object(
    retrieval: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["retrieval", "--data", str(retrieval), "--out", str(out), "--json"], lambda: INGEST)

    body = json.loads(capsys.readouterr().out)
    assert set(body) == {"suite", "n", "metrics", "seconds"}
    assert (body["suite"], body["n"]) == ("retrieval", 4)
    assert body["metrics"]["ndcg@10"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert body["metrics"]["recall@5"]["value"] == body["metrics"]["mrr@10"]["value"] == 1.0
    assert 0 < body["metrics"]["latency_p50_ms"]["value"] <= body["metrics"]["latency_p95_ms"]["value"]
    assert {"dense.ndcg@10", "bm25.ndcg@10"} <= set(body["metrics"])
    assert code == 1  # on four easy questions hybrid cannot be above parts that are perfect
    assert json.loads((out / f"retrieval-{retrieval.name}.json").read_text()) == body


def test_a_second_run_keeps_the_index_and_says_so(
    retrieval: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ["retrieval", "--data", str(retrieval), "--out", str(out)]
    main(first, lambda: INGEST)
    capsys.readouterr()

    main(first, lambda: INGEST)

    assert "kept from an earlier run" in capsys.readouterr().err
    assert len(list((out / "cache").iterdir())) == 1


def test_an_index_is_made_anew_for_other_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "two"
    write(folder / "queries.jsonl", [{"_id": "q", "text": QUESTIONS["cat"]}])
    (folder / "qrels.tsv").write_text("q\tcat\t1\n")
    for title in ("", "Cats"):
        write(folder / "corpus.jsonl", [{"_id": "cat", "title": title, "text": FACTS["cat"]}])
        main(["retrieval", "--data", str(folder), "--out", str(tmp_path)], lambda: INGEST)
        assert "made now" in capsys.readouterr().err

    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_the_reader_tells_answers_from_other_texts(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["answerability", "--data", str(judged), "--out", str(tmp_path), "--json"])

    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert code == 0
    assert metrics["auroc"]["value"] == 1.0
    assert set(metrics) == {"auroc", "aurc", "ece", "brier"}


def test_falling_below_the_baseline_fails_and_is_shown(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = [
        "answerability",
        "--data",
        str(judged),
        "--out",
        str(tmp_path),
        "--baseline",
        str(tmp_path / "old.json"),
    ]
    old = {
        "suite": "answerability",
        "n": 8,
        "seconds": 1,
        "metrics": {"ece": {"value": 0.0, "low": 0, "high": 0}},
    }
    (tmp_path / "old.json").write_text("some output before\n" + json.dumps(old) + "\n")

    assert main(ask) == 1
    shown = capsys.readouterr()
    assert "Against the baseline" in shown.out
    assert "Below the bar: ece fell from 0.000" in shown.err

    old["metrics"]["ece"]["value"] = 1.0
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert main(ask) == 0


def test_the_handbook_suite_counts_answers_sources_and_ways(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "examples"
    (folder / "handbook").mkdir(parents=True)
    for name in ("bridge", "tea"):
        (folder / "handbook" / f"{name}.md").write_text(f"# {name}\n\n{FACTS[name]}\n")
    asked = {"answerable": True}
    rows = [
        asked | {"id": "a1", "question": QUESTIONS["bridge"], "source": "bridge.md", "contains": ["1898"]},
        asked | {"id": "a2", "question": QUESTIONS["tea"], "source": "tea.md", "contains": ["9000"]},
        {"id": "u1", "question": "Who pays my pension in Finland?", "answerable": False},
    ]
    write(folder / "questions.jsonl", rows)
    ways = [
        {"id": "w1", "question": "tell me about it", "answerable": False, "ways": ["clarify"]},
        {"id": "w2", "question": "2+2", "answerable": False, "ways": ["clarify"]},
    ]
    write(folder / "questions_plain.jsonl", ways)

    code = main(["handbook", "--data", str(folder), "--out", str(tmp_path), "--json"], lambda: INGEST)

    body = json.loads(capsys.readouterr().out)
    assert (code, body["n"]) == (0, 5)
    values = {name: one["value"] for name, one in body["metrics"].items()}
    assert values["answer_contains"] == 0.5
    assert values["source_cited"] == values["source_found"] == values["answered"] == 1.0
    assert values["abstained"] == 1.0
    assert (values["coverage"], values["risk"]) == (pytest.approx(2 / 3), 0.5)
    assert values["plain.ways"] == 0.5
    assert "plain.answer_contains" not in values
    kept = [json.loads(line) for line in (tmp_path / "handbook-lists.jsonl").read_text().splitlines()]
    assert [row["set"] for row in kept] == ["", "", ""]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["retrieval", "--data", "nowhere"], "There is no folder 'nowhere'"),
        (["answerability", "--data", "."], "There is no file *_answerable.jsonl*"),
        (["answerability", "--baseline", "nowhere.json"], "The baseline 'nowhere.json' cannot be read"),
        (["answerability", "--out", "pyproject.toml"], "Nothing can be written to 'pyproject.toml'"),
    ],
)
def test_bad_usage_is_said_and_returns_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments if "--out" in arguments else [*arguments, "--out", str(tmp_path)]

    assert main(given, lambda: INGEST) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_suite_is_bad_usage() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["everything"])

    assert ended.value.code == 2


def test_a_broken_line_fails_with_its_number(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (judged / "some_answerable.jsonl").open("a") as file:
        file.write("{broken\n")

    assert main(["answerability", "--data", str(judged), "--out", str(tmp_path)]) == 1
    assert "some_answerable.jsonl, line 5 is not JSON" in capsys.readouterr().err


def test_retrieval_needs_the_ingest_that_the_program_hands_in(
    retrieval: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrieval", "--data", str(retrieval), "--out", str(tmp_path)]) == 1
    assert "start it as `switchboard eval retrieval`" in capsys.readouterr().err
