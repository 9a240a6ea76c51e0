"""Ollama hosts, against the stub's faults over real HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from bench.stub import Stub, serving
from contracts.errors import ModelUnavailable, TooLong
from ports.ollama import OllamaHost, open_hosts
from ports.ollama_chat import to_chunk


@pytest.fixture
def stub() -> Stub:
    return Stub(tokens=20)


@pytest.fixture
async def host(stub: Stub) -> AsyncIterator[OllamaHost]:
    async with serving(stub) as url, open_hosts([url], {"stub": 4096}, patience=0.3) as (host,):
        yield host


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("cut", "broke off"),
        ("line", "broke off"),
        ("end", "broke off before its end"),
        ("error", "told to fail in mid-stream"),
        ("stall", "sent nothing in time"),
    ],
)
async def test_an_answer_that_breaks_off_ends_as_one_clear_error(
    host: OllamaHost, fault: str, words: str
) -> None:
    seen: list[str] = []

    async def listen() -> None:
        async for chunk in host.chat("stub").astream(f"[[{fault}]]"):
            seen.append(chunk.text)

    with pytest.raises(ModelUnavailable, match=words):
        await listen()
    assert len(seen) == 10
    with pytest.raises(ModelUnavailable, match=words):
        await host.chat("stub").ainvoke(f"[[{fault}]]")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("refuse", "told to fail"),
        ("hang", "sent nothing in time"),
        ("missing", "stub:missing' not found. Run `ollama pull`"),
    ],
)
async def test_a_host_that_does_not_begin_is_named(host: OllamaHost, fault: str, words: str) -> None:
    with pytest.raises(ModelUnavailable, match=words) as caught:
        await host.chat("stub").ainvoke(f"[[{fault}]]")
    assert host.name in caught.value.message


async def test_an_overfull_prompt_is_too_long(host: OllamaHost) -> None:
    with pytest.raises(TooLong, match="9000 tokens and exceeds the context of 4096"):
        await host.chat("stub").ainvoke("[[context]]")


async def test_a_host_that_is_not_there_is_named() -> None:
    async with open_hosts(["http://user:secret@127.0.0.1:9"]) as (host,):
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9 does not answer") as caught:
            await host.chat("stub").ainvoke("Hi")
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9 does not answer"):
            await host.tags()
    assert "secret" not in caught.value.message


async def test_nothing_may_be_cut_off_the_prompt(host: OllamaHost, stub: Stub) -> None:
    await host.chat("stub").ainvoke("Hi")
    assert (stub.last["truncate"], stub.last["shift"]) == (False, False)
    await host.embeddings("stub-embed").aembed_query("Hi")
    assert stub.last["truncate"] is False


async def test_the_context_stays_the_same_whatever_a_request_asks(host: OllamaHost, stub: Stub) -> None:
    await host.chat("stub").ainvoke("Hi", max_tokens=7, options={"num_ctx": 99, "top_k": 5})
    assert stub.last["options"] == {"num_ctx": 4096, "num_predict": 7, "top_k": 5}
    await host.chat("other").ainvoke("Hi", temperature=0)
    assert stub.last["options"] == {"num_ctx": 8192, "temperature": 0}


async def test_an_answer_cut_by_its_limit_says_so(host: OllamaHost) -> None:
    answer = await host.chat("stub").ainvoke("[[length]]")
    assert answer.response_metadata["done_reason"] == "length"
    assert answer.usage_metadata == {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30}


async def test_cancelling_ends_the_answer_on_the_host(host: OllamaHost, stub: Stub) -> None:
    stub.tokens = 1000
    begun = asyncio.Event()

    async def talk() -> None:
        async for _ in host.chat("stub").astream("[[slow]]"):
            begun.set()

    task = asyncio.create_task(talk())
    await begun.wait()
    assert stub.running == 1
    task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(5):
        await stub.ended.wait()
    assert stub.running == 0


async def test_a_model_is_made_once_and_its_connections_are_shared(host: OllamaHost, stub: Stub) -> None:
    assert host.chat("stub") is host.chat("stub")
    assert host.embeddings("stub-embed") is host.embeddings("stub-embed")
    for model in ("stub", "other", "stub"):
        await host.chat(model).ainvoke("Hi")
    await host.tags()
    assert len(stub.open) == 1 + 1  # one for answers, line by line, and httpx's for all else


async def test_a_password_in_the_url_logs_in_and_is_not_shown() -> None:
    async with open_hosts(["http://user:secret@127.0.0.1:11434"]) as (host,):
        assert host.name == "127.0.0.1:11434"


async def test_the_synchronous_calls_are_closed_because_they_would_cut_in_silence(host: OllamaHost) -> None:
    with pytest.raises(NotImplementedError, match="ainvoke"):
        host.chat("stub").invoke([HumanMessage("Hi")])
    with pytest.raises(NotImplementedError, match="aembed_documents"):
        host.embeddings("stub-embed").embed_query("Hi")


async def test_health_is_the_version(host: OllamaHost) -> None:
    assert await host.health() == "Ollama 0.0.0-stub"
    assert "stub:latest" in await host.tags()


async def test_what_a_model_can_do_is_asked_once_and_a_host_that_is_away_promises_nothing(
    host: OllamaHost, stub: Stub
) -> None:
    assert await host.continues("stub") is True
    stub.continues = False
    assert await host.continues("stub") is True
    assert await host.continues("another") is False
    async with open_hosts(["http://127.0.0.1:9"]) as (away,):
        assert await away.continues("stub") is False


async def test_an_answer_goes_on_from_its_own_beginning(host: OllamaHost) -> None:
    begun = [HumanMessage("Hi"), AIMessage("The stub counts")]
    assert (await host.chat("stub").ainvoke(begun)).text.startswith(" words so that")


async def test_a_tool_call_comes_through_with_its_arguments_and_the_usage_behind_it(
    host: OllamaHost, stub: Stub
) -> None:
    offered = [{"type": "function", "function": {"name": "stock", "description": "Counts", "parameters": {}}}]
    asked = [HumanMessage('[[tool:stock {"item": "cup", "n": [1]}]]')]
    chunks = [chunk async for chunk in host.chat("stub").astream(asked, tools=offered)]
    (call,) = [call for chunk in chunks for call in chunk.tool_calls]
    assert (call["name"], call["args"]) == ("stock", {"item": "cup", "n": [1]})
    assert chunks[-1].usage_metadata == {"input_tokens": 10, "output_tokens": 0, "total_tokens": 10}
    assert stub.last["tools"] == offered
    result = ToolMessage("7", tool_call_id="call_0", name="stock")
    await host.chat("stub").ainvoke([*asked, AIMessage("", tool_calls=[call]), result])
    assert [one.get("tool_name") for one in stub.last["messages"]] == [None, None, "stock"]


def test_a_call_on_the_last_line_loses_neither_the_call_nor_the_usage() -> None:
    said = {"content": "", "tool_calls": [{"function": {"name": "stock", "arguments": {"n": 1}}}]}
    chunk = to_chunk({"message": said, "done": True, "prompt_eval_count": 3, "eval_count": 4})
    assert [(call["name"], call["args"]) for call in chunk.tool_calls] == [("stock", {"n": 1})]
    assert (chunk.usage_metadata or {})["total_tokens"] == 7
    assert chunk.chunk_position == "last"


async def test_a_model_calls_tools_where_its_host_says_so(host: OllamaHost) -> None:
    assert await host.calls("stub") is True
    async with open_hosts(["http://127.0.0.1:9"]) as (away,):
        assert await away.calls("stub") is False
