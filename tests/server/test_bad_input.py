"""Bad input gets its documented status and one clear sentence; nothing is half-written."""

from typing import Any

import httpx
import pytest

from tests.servers.runtime import Runtime, named

JSON = {"Content-Type": "application/json"}
STREAM = "/messaging/conversations/{id}/stream"


def post(runtime: Runtime, path: str, **request: Any) -> httpx.Response:
    return runtime.http.post(path.replace("{id}", runtime.conversation()), **request)


@pytest.mark.parametrize(
    ("path", "request_", "status", "code", "says"),
    [
        ("/messaging/conversations/conv_0/stream", {"json": {"content": "hi"}}, 404, "unknown_conversation", "conv_0"),
        (STREAM, {"json": {"content": ""}}, 400, "bad_request", "empty"),
        (STREAM, {"json": {"content": " \n "}}, 400, "bad_request", "empty"),
        (STREAM, {"json": {"content": "x" * 16_001}}, 413, "too_long", "16,000"),
        (STREAM, {"json": {"content": "x" * 1_000_000}}, 413, "too_long", "1,000,000"),
        (STREAM, {"json": {"content": 7}}, 400, "bad_request", "content"),
        (STREAM, {"json": {"content": None}}, 400, "bad_request", "null"),
        (STREAM, {"json": {"content": "hi", "agnet": "x"}}, 400, "bad_request", "agnet"),
        (STREAM, {"json": {"content": "hi", "agent": "ghost"}}, 404, "unknown_agent", "ghost"),
        (STREAM, {"content": b"hello"}, 400, "bad_request", "Content-Type"),
        (STREAM, {"json": []}, 400, "bad_request", "body"),
        (STREAM, {"content": b'{"content": ', "headers": JSON}, 400, "bad_request", "JSON"),
        (STREAM, {"content": b"\xff\xfe", "headers": JSON}, 400, "bad_request", "JSON"),
        ("/search", {"json": {"query": "  "}}, 400, "bad_request", "empty"),
        ("/search", {"json": {"query": "x", "limit": 51}}, 400, "bad_request", "51"),
        ("/messaging/messages/msg_0/feedback", {"json": {"rating": 1}}, 404, "unknown_message", "msg_0"),
        ("/messaging/runs/run_0/cancel", {}, 404, "unknown_run", "run_0"),
        ("/escalations", {"json": {"run_id": "run_0"}}, 404, "unknown_run", "run_0"),
        ("/escalations/esc_0/answer", {"json": {"content": "yes"}}, 404, "unknown_escalation", "esc_0"),
        ("/nowhere", {}, 404, "unknown_route", "nowhere"),
    ],
)  # fmt: skip
def test_bad_input_gets_its_status_and_a_sentence(
    runtime: Runtime, path: str, request_: dict[str, Any], status: int, code: str, says: str
):
    answer = post(runtime, path, **request_)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert set(body) == {"code", "message", "retryable"}
    assert says in body["message"]
    assert "Traceback" not in body["message"]


def test_a_refused_message_leaves_nothing_behind(runtime: Runtime):
    conversation = runtime.conversation()
    runtime.http.post(
        f"/messaging/conversations/{conversation}/stream", json={"content": "hi", "agent": "ghost"}
    )
    found = runtime.http.get(f"/messaging/conversations/{conversation}").json()
    assert (found["messages"], found["active_run"]) == (0, None)


@pytest.mark.parametrize("cursor", ["nonsense", "bnVsbA", "'; DROP TABLE runs; --", "\u0000"])
def test_a_stale_or_foreign_list_cursor_is_refused(runtime: Runtime, cursor: str):
    answer = runtime.http.get("/messaging/conversations", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_page_of_another_site_may_not_use_the_server(runtime: Runtime):
    answer = runtime.http.get("/agents/default", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_foreign_name_that_points_at_this_machine_is_refused(runtime: Runtime):
    answer = runtime.http.get("/agents/default", headers={"Host": "evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("name", "content", "status", "says"),
    [
        ("../../etc/passwd", b"x", 400, "leaves its folder"),
        ("/etc/passwd", b"x", 400, "leaves its folder"),
        ("..\\..\\x.md", b"x", 400, "leaves its folder"),
        ("empty.md", b"", 422, "empty"),
    ],
)
def test_a_bad_upload_is_refused_at_the_door(
    runtime: Runtime, name: str, content: bytes, status: int, says: str
):
    answer = runtime.http.post("/documents", files={"file": ("x", content)}, data={"source": name})
    assert answer.status_code == status
    assert says in answer.json()["message"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("binary.md", bytes(range(256)) * 40, "binary.md"),
        ("broken.pdf", b"%PDF-1.7 nothing follows", "broken.pdf"),
        ("notes.xyz", b"\x00\x01\x02", "notes.xyz"),
        ("broken.docx", b"PK\x03\x04 not really", "broken.docx"),
        ("blank.txt", b" \n\t\n ", "blank.txt"),
    ],
)
def test_an_unreadable_document_ends_its_job_with_one_sentence(
    runtime: Runtime, name: str, content: bytes, says: str
):
    error = named(runtime.upload(name, content), "error")[0]
    assert error["code"] == "unreadable_document"
    assert says in error["message"]
    sources = [one["source"] for one in runtime.http.get("/documents?limit=200").json()["items"]]
    assert name not in sources


def test_half_a_character_in_a_message_is_replaced_and_the_rest_is_answered(runtime: Runtime):
    conversation = runtime.conversation()
    body = b'{"content": "How many days of \\ud800annual leave are there?"}'
    answer = post(runtime, f"/messaging/conversations/{conversation}/stream", content=body, headers=JSON)
    assert "event: done" in answer.text
    stored = runtime.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]
    assert stored[0]["content"] == "How many days of \ufffdannual leave are there?"
