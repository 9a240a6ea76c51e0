"""The same cases on the model in process, over our Ollama server, and over a proxy that others wrote."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import ollama as ollama_sdk
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from contracts.errors import ModelUnavailable, TooLong
from ports.ollama import OllamaHost, open_hosts
from tests.servers import proxy as proxies
from tests.servers.llama import LONG, small_model
from tests.servers.ollama import ollama

TALK = [
    SystemMessage("You are brief."),
    HumanMessage("What is the capital of France?"),
    AIMessage("Paris."),
    HumanMessage("Tell me much about Italy."),
]
STORY = "Tell a long story."
CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}


HOSTS = pytest.mark.parametrize("backend", ["server", "proxy"], indirect=True)
OURS = pytest.mark.parametrize("backend", ["embedded", "server"], indirect=True)
"""The proxy counts words for tokens, and every answer of its ends with `stop`."""


@dataclass
class Backend:
    """A way to reach a chat model."""

    kind: str
    chat: BaseChatModel
    model: str
    host: OllamaHost | None = None


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with ollama(small_model()) as (url, _):
        yield url


@pytest.fixture(scope="module")
def proxy_url() -> Iterator[str]:
    with proxies.proxy() as url:
        yield url


@pytest.fixture(params=["embedded", "server", "proxy"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    match request.param:
        case "embedded":
            yield Backend("the embedded model", small_model(), "smollm2:135m")
        case "server":
            async with open_hosts([request.getfixturevalue("server_url")], {"smollm2:135m": 2048}) as (host,):
                yield Backend("our server", host.chat("smollm2:135m"), "smollm2:135m", host)
        case _:
            async with open_hosts([request.getfixturevalue("proxy_url")]) as (host,):
                yield Backend("ollama-proxy-plus", host.chat(proxies.CHAT), proxies.CHAT, host)


async def test_a_stream_in_pieces_says_what_one_answer_says(backend: Backend) -> None:
    pieces = [chunk.text async for chunk in backend.chat.astream(TALK, temperature=0, max_tokens=12)]
    answer = await backend.chat.ainvoke(TALK, temperature=0, max_tokens=12)
    assert len([piece for piece in pieces if piece]) > 3
    assert "".join(pieces) == answer.text


async def test_every_way_gives_the_same_answer(backend: Backend) -> None:
    direct = await small_model().ainvoke(TALK, temperature=0, max_tokens=8)
    answer = await backend.chat.ainvoke(TALK, temperature=0, max_tokens=8)
    assert answer.text == direct.text


async def test_cancelling_frees_the_models_slots(backend: Backend) -> None:
    async def talk(begun: asyncio.Event) -> None:
        async for _ in backend.chat.astream("List numbers.", format=LONG, max_tokens=1900):
            begun.set()

    begun = [asyncio.Event() for _ in range(2)]
    tasks = [asyncio.create_task(talk(event)) for event in begun]
    for event in begun:
        await event.wait()
    for task in tasks:
        task.cancel()
    async with asyncio.timeout(10):  # a slot that went on would be busy for 20 s and more
        assert (await backend.chat.ainvoke("Hi", max_tokens=1)).text != ""
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [True, True]


async def test_a_schema_is_kept_to(backend: Backend) -> None:
    answer = await backend.chat.ainvoke("Name a city.", format=CITY, temperature=0, max_tokens=60)
    assert list(json.loads(answer.text)) == ["city"]


@OURS
async def test_the_usage_is_in_the_models_own_tokens(backend: Backend) -> None:
    answer = await backend.chat.ainvoke(TALK, max_tokens=5)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] == small_model().count_tokens(TALK)
    assert answer.usage_metadata["output_tokens"] == 5


@OURS
async def test_an_answer_at_its_limit_says_so(backend: Backend) -> None:
    answer = await backend.chat.ainvoke(STORY, max_tokens=5)
    assert answer.response_metadata["done_reason"] == "length"


async def test_a_stop_word_ends_the_answer_before_it(backend: Backend) -> None:
    free = (await backend.chat.ainvoke(STORY, temperature=0, max_tokens=20)).text
    word = free.split()[2]
    stopped = (await backend.chat.ainvoke(STORY, stop=[word], temperature=0, max_tokens=20)).text
    assert stopped == free[: free.index(word)]


async def test_a_prompt_over_the_context_is_an_error_not_a_shorter_prompt(backend: Backend) -> None:
    long: list[BaseMessage] = [SystemMessage("You are brief."), HumanMessage("word " * 3000)]
    with pytest.raises(TooLong, match=r"3\d{3} tokens"):
        await backend.chat.ainvoke(long, max_tokens=5)


@HOSTS
async def test_a_missing_model_is_named(backend: Backend) -> None:
    assert backend.host is not None
    with pytest.raises(ModelUnavailable, match="nowhere"):
        await backend.host.chat("nowhere/none:1b").ainvoke("Hi")


@HOSTS
async def test_the_models_that_are_there_are_listed(backend: Backend) -> None:
    assert backend.host is not None
    assert backend.model in await backend.host.tags()


@HOSTS
async def test_embeddings_tell_texts_apart(backend: Backend) -> None:
    assert backend.host is not None
    name = proxies.EMBED if backend.model == proxies.CHAT else backend.model
    one, two, same = await backend.host.embeddings(name).aembed_documents(["a cat", "the tax law", "a cat"])
    assert len(one) == 576
    assert one == pytest.approx(same, abs=1e-4)
    assert sum(x * y for x, y in zip(one, two, strict=True)) < 0.95


async def test_our_server_and_the_proxy_embed_alike(server_url: str, proxy_url: str) -> None:
    async with open_hosts([server_url, proxy_url]) as (ours, theirs):
        mine = await ours.embeddings("smollm2:135m").aembed_query("the tax law")
        other = await theirs.embeddings(proxies.EMBED).aembed_query("the tax law")
    assert mine == pytest.approx(other, abs=1e-4)


async def test_ollamas_own_client_finds_every_route(server_url: str) -> None:
    client = ollama_sdk.AsyncClient(server_url)
    said = await client.generate(
        "smollm2:135m", "Say hi.", system="You are brief.", options={"num_predict": 3}
    )
    assert (said.done, said.eval_count) == (True, 3)
    parts = [
        p
        async for p in await client.generate(
            "smollm2:135m", "Say hi.", stream=True, options={"num_predict": 3}
        )
    ]
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert len((await client.embeddings("smollm2:135m", "Hi")).embedding) == 576
    assert (await client.show("smollm2:135m")).capabilities == ["completion"]
    assert [model.model for model in (await client.ps()).models] == ["smollm2:135m"]
    assert (await client.pull("smollm2:135m")).status == "success"
    with pytest.raises(ollama_sdk.ResponseError, match="model 'none' not found"):
        await client.pull("none")
    await client.close()


async def test_a_client_that_allows_it_loses_the_front_of_its_prompt(server_url: str) -> None:
    """Ollama's default, which our client turns off: it is what makes the case above worth having."""
    client = ollama_sdk.AsyncClient(server_url)
    messages = [{"role": "system", "content": "word " * 3000}, {"role": "user", "content": "Hi"}]
    said = await client.chat("smollm2:135m", messages, options={"num_predict": 1})
    assert said.prompt_eval_count is not None
    assert said.prompt_eval_count < 60
    await client.close()
