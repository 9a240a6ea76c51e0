"""What `ask` makes of a stream: what it prints, what it ends with, and what a document cannot do to a terminal."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server import terminal
from server.terminal import Answer, printable

PASSAGE = {"id": "p1", "source": "plans/[draft].md", "page": None}
DONE = ("done", {"status": "completed", "text": "All is well."})
STREAM: list[tuple[str, dict[str, Any]]] = [
    ("run", {"run_id": "run_1", "conversation_id": "conv_1"}),
    ("decision", {"path": "auto_answer", "confidence": 0.5, "reason": "it says [/b] so"}),
    ("sources", {"passages": [PASSAGE]}),
    ("token", {"text": "All is"}),
    ("token", {"text": " well."}),
    ("citation", {"sentence": "All is well.", "passages": ["p1"], "supported": True}),
    DONE,
]


async def streamed(*events: tuple[str, dict[str, Any]]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    for event in events:
        yield event


def printed(*events: tuple[str, dict[str, Any]]) -> int:
    return asyncio.run(terminal._print(streamed(*events)))


def test_the_answer_goes_to_stdout_and_where_it_comes_from_to_stderr(capsys: pytest.CaptureFixture[str]):
    code, shown = printed(*STREAM), capsys.readouterr()
    assert (code, shown.out) == (0, "All is well.\n")
    assert shown.err == "auto_answer · 50% · it says [/b] so\n[1] plans/[draft].md\n"


def test_a_page_is_named_and_a_passage_that_is_cited_twice_stands_once(capsys: pytest.CaptureFixture[str]):
    cited = ("citation", {"sentence": "So.", "passages": ["p2", "p1"], "supported": True})
    sources = ("sources", {"passages": [PASSAGE, {"id": "p2", "source": "a.pdf", "page": 3}]})
    printed(sources, cited, cited, DONE)
    assert capsys.readouterr().err == "[1] a.pdf, page 3\n"


def test_a_document_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]):
    printed(("token", {"text": "A\x1b[2J\x1b]0;title\x07B\x9b31m\r\n\tC"}), DONE)
    assert capsys.readouterr().out == "A[2J]0;titleB31m\n\tC\n"
    assert printable("Grüße, 你好") == "Grüße, 你好"


def test_a_restart_is_told_and_the_json_holds_the_text_after_it(capsys: pytest.CaptureFixture[str]):
    anew = ("restart", {"reason": "The server was restarted."})
    events = (("token", {"text": "Al"}), STREAM[5], anew, *STREAM[3:])
    assert printed(*events) == 0
    shown = capsys.readouterr()
    assert (shown.out, "The server was restarted." in shown.err) == ("Al\nAll is well.\n", True)
    assert asyncio.run(terminal._print_json(streamed(*events))) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["text"], len(said["citations"])) == ("All is well.", 1)


def test_an_answer_that_failed_was_stopped_or_never_ended_is_no_success(capsys: pytest.CaptureFixture[str]):
    failed = ("error", {"code": "model_unavailable", "message": "The [model] is gone.", "retryable": True})
    stopped = ("done", {"status": "cancelled", "text": "Al"})
    assert [printed(STREAM[3], end) for end in (failed, stopped)] == [1, 1]
    assert capsys.readouterr().err == "The [model] is gone.\nThe answer was stopped before its end.\n"
    assert Answer().code == 1


def test_the_json_has_every_key_also_where_nothing_was_said():
    assert set(Answer().body()) == {
        "run", "decision", "context", "queue", "interrupt", "usage", "error", "status", "text", "sources", "citations",
    }  # fmt: skip


CALL = {"tool": "stock", "description": "How many are left.", "arguments": {"item": "Gefäß"}}
PAUSES: list[tuple[dict[str, Any], str, str]] = [
    (
        {"id": "int_1", "kind": "tool_call", "payload": CALL, "run_id": "run_2"},
        'A person must allow the call of stock with {"item": "Gefäß"}.',
        '"arguments": {...}',
    ),
    (
        {"id": "int_1", "kind": "approve_answer", "payload": {"question": "So?"}, "run_id": "run_2"},
        "The answer waits until a person approves it.",
        '"text": "..."',
    ),
]


@pytest.mark.parametrize(("asked", "what", "edit"), PAUSES)
def test_who_asks_learns_what_a_run_waits_for_and_how_it_is_answered(
    asked: dict[str, Any], what: str, edit: str, capsys: pytest.CaptureFixture[str]
):
    events = (("interrupt", asked), ("done", {"status": "interrupted", "text": "One moment."}))
    assert printed(*events) == 0
    assert capsys.readouterr().err == (
        f"{what} Run run_2 then goes on: POST /api/v1/messaging/runs/run_2/resume with "
        f'{{"action": "approve"}}, {{"action": "reject"}} or {{"action": "edit", {edit}}}, '
        "and read GET /api/v1/messaging/runs/run_2/stream.\n"
    )
    assert asyncio.run(terminal._print_json(streamed(*events))) == 0
    assert json.loads(capsys.readouterr().out)["interrupt"] == asked
