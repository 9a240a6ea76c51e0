"""Retrieval for one asker, over the embedded index and the client's in-memory one."""

import warnings
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from qdrant_client import AsyncQdrantClient

from contracts.documents import Chunk
from nodes.retrieve import to_passage
from ports.edge import EdgeClient
from retrievers import tokens
from retrievers.collection import Collection
from retrievers.hybrid import HybridRetriever
from retrievers.sparse import document_vector, terms

SIZE = 384


def word_vector(word: str) -> NDArray[np.float32]:
    vector = np.random.default_rng(crc32(word.encode())).normal(size=SIZE).astype(np.float32)
    return vector / np.linalg.norm(vector)


@dataclass
class Encoded:
    dense: NDArray[np.float32]
    tokens: list[NDArray[np.float32]]


class WordVectors(Embeddings):
    """Embeds a text as the sum of a fixed random vector for each of its words."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.rows(text).sum(axis=0).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def rows(self, text: str) -> NDArray[np.float32]:
        return np.array([word_vector(word) for word in terms(text)] or [word_vector("")])


class TokenVectors(WordVectors):
    async def aencode(self, texts: Sequence[str]) -> Encoded:
        rows = [self.rows(text) for text in texts]
        return Encoded(np.array([each.sum(axis=0) for each in rows]), rows)


TEXTS = {
    "hr/leave.md": ["Holiday entitlement is 28 days a year.", "Parental leave lasts 16 weeks."],
    "hr/pay.md": ["Salaries are paid on the 25th.", "Overtime is paid at time and a half."],
    "hr-old/leave.md": ["Holiday entitlement was 20 days a year."],
    "it/errors.md": ["ERR_42 means that the disk is full.", "ERR_43 means that the token expired."],
    "copy.md": ["Parental leave lasts 16 weeks."],
}
SECRET = "The board plans a parental leave of 40 weeks."


pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")
"""In memory everything is compared, and it says so."""


@pytest.fixture(params=["edge", "memory"])
async def collection(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Collection]:
    client: Any = EdgeClient(tmp_path) if request.param == "edge" else AsyncQdrantClient(":memory:")
    collection = Collection(client, "passages", "words", SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # in memory, payload indexes do nothing
        await collection.ensure()
    for source, texts in TEXTS.items():
        await write(collection, "acme", source, texts)
    await write(collection, "acme", "board.md", [SECRET], groups=("board",))
    await write(collection, "other", "hr/leave.md", ["Their holiday entitlement is 5 days a year."])
    yield collection
    await client.close()


async def write(
    collection: Collection, tenant: str, source: str, texts: list[str], groups: tuple[str, ...] = ()
) -> None:
    words = WordVectors()
    chunks = [
        Chunk(source, "Title", text, 10, 10 + len(text), ("Top",), 2, position=at, groups=groups)
        for at, text in enumerate(texts)
    ]
    packed = [tokens.pack(words.rows(text)) for text in texts]
    dense = words.embed_documents(texts)
    await collection.replace(
        tenant, source, "v1", chunks, dense, [document_vector(text) for text in texts], packed
    )


def retriever(collection: Collection, embeddings: Embeddings | None = None, **given: Any) -> HybridRetriever:
    bound = {"tenant": "acme", "embeddings": embeddings or TokenVectors(), **given}
    return HybridRetriever(collection=collection, **bound)


async def sources(found: HybridRetriever, question: str) -> list[str]:
    return [document.metadata["source"] for document in await found.ainvoke(question)]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
@pytest.mark.parametrize("embeddings", [WordVectors(), TokenVectors()])
async def test_the_passage_that_answers_comes_first(
    collection: Collection, embeddings: Embeddings, mode: str
) -> None:
    found = retriever(collection, embeddings, mode=mode)

    first = (await found.ainvoke("When are salaries paid?"))[0]

    assert first.page_content == "Salaries are paid on the 25th."


async def test_a_passage_carries_place_score_and_signals(collection: Collection) -> None:
    document = (await retriever(collection).ainvoke("What does ERR_42 mean?"))[0]

    passage = to_passage(document)

    text = "ERR_42 means that the disk is full."
    assert passage["text"] == text
    assert (passage["source"], passage["title"], passage["headings"]) == ("it/errors.md", "Title", ["Top"])
    assert (passage["page"], passage["start"], passage["end"]) == (2, 10, 10 + len(text))
    assert passage["id"] == document.id
    assert set(passage["signals"]) == {"dense", "bm25", "maxsim"}
    assert 0 < passage["score"] <= 1


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
async def test_scores_fall_from_the_first_to_the_last(collection: Collection, mode: str) -> None:
    found = await retriever(collection, mode=mode).ainvoke("parental leave holiday paid")

    scores = [document.metadata["score"] for document in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


async def test_the_list_that_missed_a_passage_still_scores_it(collection: Collection) -> None:
    found = await retriever(collection, k=1).ainvoke("ERR_42 parental leave")

    assert len(found) >= 1
    assert all("dense" in document.metadata["signals"] for document in found)


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
async def test_no_tenant_sees_another_ones_passages(collection: Collection, mode: str) -> None:
    mine = await retriever(collection, mode=mode, limit=50).ainvoke("holiday entitlement days a year")
    theirs = await retriever(collection, mode=mode, limit=50, tenant="other").ainvoke("holiday leave pay")

    assert "Their holiday entitlement is 5 days a year." not in [one.page_content for one in mine]
    assert [one.page_content for one in theirs] == ["Their holiday entitlement is 5 days a year."]


async def test_only_a_group_reads_what_is_its_own(collection: Collection) -> None:
    question = "What does the board plan for parental leave?"

    everyone = await retriever(collection, limit=50).ainvoke(question)
    board = await retriever(collection, limit=50, groups=("board", "all")).ainvoke(question)

    assert SECRET not in [one.page_content for one in everyone]
    assert board[0].page_content == SECRET


async def test_knowledge_is_read_by_folder_or_source(collection: Collection) -> None:
    question = "holiday leave paid errors"

    assert set(await sources(retriever(collection, knowledge=("hr/",)), question)) == {
        "hr/leave.md", "hr/pay.md",
    }  # fmt: skip
    assert set(await sources(retriever(collection, knowledge=("it/errors.md", "hr-old")), question)) == {
        "it/errors.md", "hr-old/leave.md",
    }  # fmt: skip
    assert await sources(retriever(collection, knowledge=("nothing",)), question) == []


async def test_the_same_text_is_shown_once(collection: Collection) -> None:
    found = await retriever(collection, limit=50).ainvoke("How long does parental leave last?")

    texts = [document.page_content for document in found]
    assert texts.count("Parental leave lasts 16 weeks.") == 1
    assert len(texts) == len(set(texts))


async def test_a_question_of_stopwords_is_answered_from_the_dense_list(collection: Collection) -> None:
    assert len(await retriever(collection, limit=3).ainvoke("What is it?")) == 3
    assert await retriever(collection, mode="bm25").ainvoke("What is it?") == []


async def test_another_tenants_texts_do_not_move_a_score(collection: Collection) -> None:
    ask = retriever(collection, mode="bm25")
    before = [one.metadata["signals"] for one in await ask.ainvoke("holiday entitlement")]

    await write(collection, "other", "many.md", [f"holiday entitlement {n}" for n in range(50)])

    assert [one.metadata["signals"] for one in await ask.ainvoke("holiday entitlement")] == before
