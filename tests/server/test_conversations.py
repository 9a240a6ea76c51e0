"""Conversations: lists without gaps, deletion without remains, ratings, and search in what was said."""

import uuid

import pytest

from tests.servers.runtime import Runtime, named, text_of

CHAT = "/messaging/conversations"
QUESTION = "How many days of annual leave do full-time staff have?"


def messages(runtime: Runtime, conversation: str) -> list[dict[str, object]]:
    return runtime.http.get(f"{CHAT}/{conversation}/messages").json()["items"]


def test_pages_of_conversations_hold_each_once_the_most_recent_first(runtime: Runtime):
    made = [runtime.conversation() for _ in range(5)]
    runtime.ask("Hello!", made[0])
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < 5:
        page = runtime.http.get(CHAT, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        found += [one["id"] for one in page["items"]]
        cursor = page["next"]
    assert found[:5] == [made[0], made[4], made[3], made[2], made[1]]


def test_pages_of_messages_run_from_the_first_to_the_last(runtime: Runtime):
    conversation = runtime.conversation()
    for word in ("Hello!", "Thank you!", "Goodbye!"):
        runtime.ask(word, conversation)
    first = runtime.http.get(f"{CHAT}/{conversation}/messages?limit=4").json()
    path = f"{CHAT}/{conversation}/messages"
    rest = runtime.http.get(path, params={"limit": 4, "cursor": first["next"]}).json()
    whole = first["items"] + rest["items"]
    assert rest["next"] is None
    assert [one["content"] for one in whole[::2]] == ["Hello!", "Thank you!", "Goodbye!"]
    assert whole == messages(runtime, conversation)


@pytest.mark.parametrize("limit", [0, -1, 201, "many"])
def test_a_limit_outside_its_bounds_is_refused_with_the_value(runtime: Runtime, limit: object):
    answer = runtime.http.get(CHAT, params={"limit": str(limit)})
    assert answer.status_code == 400
    assert str(limit) in answer.json()["message"]


def test_the_first_message_becomes_the_title_unless_one_was_given(runtime: Runtime):
    untitled, titled = runtime.conversation(), runtime.http.post(CHAT, json={"title": "Leave"}).json()["id"]
    for conversation in (untitled, titled):
        runtime.ask(f"{QUESTION}\nThank you.", conversation)
        runtime.ask("Hello!", conversation)
    assert runtime.http.get(f"{CHAT}/{untitled}").json()["title"] == QUESTION
    assert runtime.http.get(f"{CHAT}/{titled}").json()["title"] == "Leave"


def test_a_conversation_counts_its_messages_and_names_no_run_once_all_is_said(runtime: Runtime):
    conversation = runtime.conversation()
    runtime.ask("Hello!", conversation)
    found = runtime.http.get(f"{CHAT}/{conversation}").json()
    assert (found["messages"], found["active_run"]) == (2, None)


def test_a_message_keeps_all_that_its_stream_said(runtime: Runtime):
    conversation = runtime.conversation()
    found = runtime.ask(QUESTION, conversation)
    question, answer = messages(runtime, conversation)
    run, done = named(found, "run")[0], named(found, "done")[0]
    assert (question["id"], question["content"]) == (run["message_id"], QUESTION)
    assert (answer["id"], answer["run_id"]) == (done["message_id"], run["run_id"])
    assert (answer["content"], answer["status"]) == (text_of(found), "completed")
    assert answer["decision"] == named(found, "decision")[0]
    assert answer["citations"] == named(found, "citation")
    for name in ("model", "prompt_tokens", "completion_tokens", "cost", "ttft_ms", "cache"):
        assert answer["usage"][name] == named(found, "usage")[0][name]  # type: ignore[index]
    cited = {id for citation in named(found, "citation") for id in citation["passages"]}
    sources = {passage["id"]: passage for passage in named(found, "sources")[0]["passages"]}
    kept = {passage["id"]: passage for passage in answer["sources"]}  # type: ignore[index,union-attr]
    assert cited <= set(kept)
    assert {id: sources[id] for id in kept} == kept


def test_options_that_were_offered_are_still_there_after_a_reload(runtime: Runtime):
    conversation = runtime.conversation()
    found = runtime.ask("leave?", conversation)
    assert messages(runtime, conversation)[1]["actions"] == named(found, "suggestions")[0]["actions"]


def test_a_deleted_conversation_leaves_no_message_no_log_and_nothing_to_find(runtime: Runtime):
    word = f"w{uuid.uuid4().hex}"
    conversation = runtime.conversation()
    found = runtime.ask(f"Hello {word}!", conversation)
    run = named(found, "run")[0]["run_id"]
    assert len(runtime.http.get("/chat/search", params={"q": word}).json()["items"]) == 1
    assert runtime.http.delete(f"{CHAT}/{conversation}").status_code == 204
    for path in (f"{CHAT}/{conversation}", f"{CHAT}/{conversation}/messages", f"/messaging/runs/{run}"):
        assert runtime.http.get(path).status_code == 404
    assert runtime.http.get(f"/messaging/runs/{run}/stream").status_code == 404
    assert runtime.http.get("/chat/search", params={"q": word}).json() == {"items": [], "next": None}
    assert word not in runtime.http.get("/orchestrator/decisions?limit=200").text
    assert runtime.http.delete(f"{CHAT}/{conversation}").status_code == 404
    assert keys_of(runtime, run) == []


def keys_of(runtime: Runtime, run: str) -> list[bytes]:
    from redis import Redis

    with Redis(unix_socket_path=str(runtime.settings.data_dir.resolve() / "valkey.sock")) as client:
        return list(client.scan_iter(f"*{run}*"))


def test_a_rating_is_kept_with_the_answer_and_a_second_one_replaces_it(runtime: Runtime):
    conversation = runtime.conversation()
    message = runtime.ask(QUESTION, conversation)[-1].data["message_id"]
    path = f"/messaging/messages/{message}/feedback"
    said = runtime.http.post(path, json={"rating": -1, "comment": "too short"}).json()
    assert {name: said[name] for name in ("message_id", "rating", "comment")} == {
        "message_id": message,
        "rating": -1,
        "comment": "too short",
    }
    assert messages(runtime, conversation)[1]["rating"] == -1
    runtime.http.post(path, json={"rating": 1})
    assert messages(runtime, conversation)[1]["rating"] == 1


@pytest.mark.parametrize("rating", [0, 2, -2, "good", None, 0.5])
def test_a_rating_is_one_or_minus_one(runtime: Runtime, rating: object):
    message = runtime.ask("Hello!")[-1].data["message_id"]
    answer = runtime.http.post(f"/messaging/messages/{message}/feedback", json={"rating": rating})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert "rating" in answer.json()["message"]


def test_ones_own_question_cannot_be_rated(runtime: Runtime):
    conversation = runtime.conversation()
    runtime.ask("Hello!", conversation)
    question = messages(runtime, conversation)[0]["id"]
    answer = runtime.http.post(f"/messaging/messages/{question}/feedback", json={"rating": 1})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert answer.json()["message"] == f"Message {question} is your own question. Rate the answer to it."


def test_history_search_wants_all_words_and_names_the_message(runtime: Runtime):
    first, second = (f"w{uuid.uuid4().hex[:12]}" for _ in range(2))
    conversation = runtime.conversation()
    runtime.ask(f"Hello {first} and {second}!", conversation)
    runtime.ask(f"Hello {first} alone!")
    found = runtime.http.get("/chat/search", params={"q": f"{second.upper()} {first}"}).json()["items"]
    assert [(one["conversation_id"], one["role"]) for one in found] == [(conversation, "user")]
    assert found[0]["message_id"] == messages(runtime, conversation)[0]["id"]
    assert first in found[0]["snippet"]
    assert len(runtime.http.get("/chat/search", params={"q": first}).json()["items"]) == 2


@pytest.mark.parametrize("q", ["%", "_", "'; --", "\\"])
def test_a_search_for_signs_finds_signs_and_not_everything(runtime: Runtime, q: str):
    runtime.ask("Hello there!")
    for one in runtime.http.get("/chat/search", params={"q": q, "limit": 200}).json()["items"]:
        assert q.split()[0] in one["snippet"]


def test_an_empty_search_is_refused(runtime: Runtime):
    assert runtime.http.get("/chat/search", params={"q": " "}).status_code == 400
    assert runtime.http.get("/chat/search").status_code == 400


def test_an_answer_approved_for_all_is_found_by_the_question_and_not_by_the_askers_note(runtime: Runtime):
    agent = f"agent-{uuid.uuid4().hex[:8]}"  # its limit is its own: other tests open tickets as well
    many = {"escalation": {"limit": 1000, "per": 60}}
    runtime.http.put(f"/agents/{agent}", json=many).raise_for_status()
    question = f"May I bring my tortoise {uuid.uuid4().hex[:6]} to the office party?"
    run = named(runtime.ask(question, agent=agent), "run")[0]["run_id"]
    made = runtime.http.post("/escalations", json={"run_id": run, "note": "It is rather urgent."})
    ticket = made.json()
    assert (made.status_code, ticket["question"]) == (201, question)
    assert ticket["reason"] == "It is rather urgent."
    said = {"content": "Yes, if it stays in its box.", "canonical": True}
    runtime.http.post(f"/escalations/{ticket['id']}/answer", json=said).raise_for_status()
    found = runtime.ask(question, agent=agent)
    assert named(found, "decision")[0]["path"] == "canonical"
    assert text_of(found).strip() == "Yes, if it stays in its box."
