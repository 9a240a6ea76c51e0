"""What a refusal says: which value, which limit, what to do; whatever was sent."""

import json
from typing import Any

import httpx
import pytest

from tests.servers.runtime import Runtime

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
FILE = ("a.md", b"# A\n\nWords.\n")
NO_FILE = "There is no file in the request. Send it as multipart/form-data in the field `file`."
NO_FORM = (
    "The form cannot be read: Invalid multipart data. Send it as multipart/form-data with one field `file`."
)
NO_JSON = (
    "The body cannot be read as JSON: it is nested too deeply or not in UTF-8. Send a plain JSON object."
)
STATES = "status must be 'offered', 'open', 'answered' or 'withdrawn'; got \"shut\"."
SEARCH, AGENT, PLACES = "/search", "/agents/default", "/messaging/conversations"


@pytest.mark.parametrize(
    ("method", "path", "request_", "says"),
    [
        ("GET", f"{PLACES}?limit=201", {}, 'limit must be at most 200; got "201".'),
        ("GET", f"{PLACES}?limit=0", {}, 'limit must be at least 1; got "0".'),
        ("GET", f"{PLACES}?limit=few", {}, 'limit must be a whole number; got "few".'),
        (
            "GET",
            f"{PLACES}?cursor=x",
            {},
            "The cursor is not one of this list's. Begin again without a cursor.",
        ),
        ("GET", "/escalations?status=shut", {}, STATES),
        ("GET", "/chat/search", {}, "q is missing; add ?q=… to the address."),
        ("GET", f"/chat/search?q={'x' * 501}", {}, "q has 501 characters; the limit is 500."),
        ("POST", SEARCH, {}, "The request has no body; send a JSON object."),
        ("POST", SEARCH, {"json": {}}, "query is missing; send it."),
        ("POST", SEARCH, {"json": []}, "The body must be a JSON object; got []."),
        ("POST", SEARCH, {"json": {"query": None}}, "query must be text; got null."),
        ("POST", SEARCH, {"json": {"query": "x" * 4001}}, "query has 4,001 characters; the limit is 4,000."),
        ("POST", SEARCH, {"json": {"query": "x", "limit": 1.5}}, "limit must be a whole number; got 1.5."),
        (
            "POST",
            SEARCH,
            {"json": {"query": "x", "size": 1}},
            "size is no field of this request; check its name, or leave it out.",
        ),
        ("POST", SEARCH, {"json": {"limit": 0}}, "query is missing; send it. One more field is wrong."),
        ("POST", SEARCH, {"json": {"a": 1, "b": 1}}, "query is missing; send it. 2 more fields are wrong."),
        (
            "POST",
            SEARCH,
            {"content": b'{"query": ', "headers": JSON},
            "The body is not JSON: Expecting value at character 10.",
        ),
        ("POST", SEARCH, {"content": b"[" * 9999, "headers": JSON}, NO_JSON),
        (
            "PUT",
            AGENT,
            {"json": {"confidence_threshold": 2}},
            "confidence_threshold must be at most 1; got 2.",
        ),
        (
            "PUT",
            AGENT,
            {"json": {"blocked_topics": ["x"] * 201}},
            "blocked_topics has 201 entries; the limit is 200.",
        ),
        ("PUT", AGENT, {"json": {"name": ""}}, 'name needs 1 or more characters; got "".'),
        ("POST", "/escalations/x/answer", {"json": {"content": " "}}, "content is empty. Write an answer."),
        (
            "POST",
            "/escalations/x/answer",
            {"json": {"content": "x", "canonical": "so so"}},
            'canonical must be true or false; got "so so".',
        ),
        ("POST", "/documents", {}, NO_FILE),
        ("POST", "/documents", {"data": {"file": "a.md"}}, NO_FILE),
        (
            "POST",
            "/documents",
            {"files": [("file", FILE), ("file", FILE)]},
            "There are 2 files in the request. Send one a request.",
        ),
        ("POST", "/documents", {"content": b"no form", "headers": FORM}, NO_FORM),
        (
            "POST",
            "/documents",
            {"files": {"file": FILE}, "data": {"source": "x" * 201}},
            "source has 201 characters; the limit is 200.",
        ),
    ],
)
def test_a_refusal_names_the_field_the_value_and_the_limit(
    runtime: Runtime, method: str, path: str, request_: dict[str, Any], says: str
):
    answer = runtime.http.request(method, path, **request_)
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": "bad_request", "message": says, "retryable": False},
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"\\ud800": 1, "query": "x"}', 'The body must be made of whole characters; got "\\ud800".'),
        (b'{"query": ["\\ud800"]}', 'query must be text; got ["\\ud800"]'),
        (b'{"query": NaN}', "query must be text; got NaN"),
        (b'{"query": "x", "%s": 1}' % (b"y" * 90_000), f"{'y' * 59}… is no field of this request"),
        (b'{"query": %s}' % json.dumps(["y" * 90_000]).encode(), f'query must be text; got ["{"y" * 57}….'),
    ],
)
def test_an_odd_value_is_repeated_in_a_sentence_that_any_client_can_read(
    runtime: Runtime, body: bytes, says: str
):
    answer = runtime.http.post(SEARCH, content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(says)
    assert len(answer.json()["message"]) < 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PLACES, "GET, POST"),
        ("POST", AGENT, "GET, PUT"),
        ("PATCH", f"{PLACES}/x", "GET, DELETE"),
        ("GET", "/answers/x", "DELETE"),
        ("GET", SEARCH, "POST"),
    ],
)
def test_a_method_that_is_not_possible_is_refused_with_all_that_are(
    runtime: Runtime, method: str, path: str, allowed: str
):
    answer = runtime.http.request(method, path)
    said = " and ".join(allowed.split(", "))
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert (
        answer.json()["message"] == f"{method} is not possible on '/api/v1{path}'; {said} can be used there."
    )


def test_a_file_of_the_page_takes_nothing_but_get(runtime: Runtime):
    answer = httpx.post(f"{runtime.url}/static/style.css")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_an_unknown_path_says_where_the_known_ones_are(runtime: Runtime):
    message = runtime.http.get("/mesaging").json()["message"]
    assert message == "There is no '/api/v1/mesaging' here. Check the path: /openapi.json lists all of them."
