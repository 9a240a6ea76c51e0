"""The chat model in process."""

import asyncio
import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from contracts.errors import DamagedWeights, ModelUnavailable, TooLong
from ports.gguf import BATCH, request_for
from ports.llama import LlamaChat, LlamaHost
from ports.weights import SMOLLM2, locate
from tests.servers.llama import LONG, small_model


async def test_the_last_chunk_carries_the_usage_and_no_other_does() -> None:
    chunks = [chunk async for chunk in small_model().astream("Tell a long story.", max_tokens=4)]
    assert [chunk.usage_metadata is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata["output_tokens"] == 4


async def test_two_requests_are_answered_at_once() -> None:
    both = asyncio.Barrier(2)

    async def talk() -> None:
        met = False
        async for _ in small_model().astream("List numbers.", format=LONG, max_tokens=60):
            if not met:
                met = True
                await both.wait()  # passes only while the other one is being answered too

    async with asyncio.timeout(20):
        await asyncio.gather(talk(), talk())


async def test_leaving_a_stream_frees_its_slot() -> None:
    for _ in range(3):
        stream = small_model().astream("List numbers.", format=LONG, max_tokens=1900)
        await anext(stream)
        await stream.aclose()
    async with asyncio.timeout(10):  # three answers left behind would fill both slots for 20 s
        assert (await small_model().ainvoke("Hi", max_tokens=1)).text != ""


def test_a_prompt_is_read_in_steps_of_which_each_can_be_the_last() -> None:
    read: list[int] = []

    def deliver(piece: dict[str, Any]) -> bool:
        read.append(piece["prompt_progress"]["processed"])
        return len(read) == 3

    request = request_for([HumanMessage("A prompt that nobody has asked before. " * 30)], None, {})
    small_model()._run(request, deliver, threading.Event())
    assert read == [read[0], read[0] + BATCH, read[0] + 2 * BATCH]
    assert BATCH <= 16  # a step takes a core about 70 ms; docs/models.md


async def test_a_request_that_waits_for_a_slot_can_be_cancelled() -> None:
    model = small_model()
    begun = asyncio.Barrier(3)

    async def talk() -> None:
        stream = model.astream("List numbers.", format=LONG, max_tokens=1900)
        await anext(stream)
        await begun.wait()
        async for _ in stream:
            pass

    busy = [asyncio.create_task(talk()) for _ in range(2)]
    await begun.wait()
    waiting = asyncio.create_task(model.ainvoke("Hi", max_tokens=1))
    await asyncio.sleep(0)
    for task in (waiting, *busy):
        task.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait([waiting, *busy])
    assert [task.cancelled() for task in (waiting, *busy)] == [True, True, True]


async def test_a_prompt_over_the_context_names_tokens_and_limit() -> None:
    prompt = [HumanMessage("word " * 3000)]
    tokens = small_model().count_tokens(prompt)
    with pytest.raises(TooLong, match=f"{tokens} tokens, more than the 2048"):
        await small_model().ainvoke(prompt)


async def test_counting_is_exact() -> None:
    prompt = [SystemMessage("Be brief."), HumanMessage("Wie spät ist es? 12:30 <|im_end|> 你好")]
    answer = await small_model().ainvoke(prompt, max_tokens=1)
    assert answer.usage_metadata is not None
    assert small_model().count_tokens(prompt) == answer.usage_metadata["input_tokens"]
    assert small_model().get_num_tokens_from_messages(prompt) == answer.usage_metadata["input_tokens"]


def test_the_synchronous_call_says_the_same() -> None:
    answer = small_model().invoke("What is the capital of France?", max_tokens=6)
    assert (
        answer.text == asyncio.run(small_model().ainvoke("What is the capital of France?", max_tokens=6)).text
    )
    assert answer.response_metadata["done_reason"] in {"stop", "length"}


async def test_weights_of_another_sha256_are_refused_by_name(tmp_path: Path) -> None:
    weights = tmp_path / "other.gguf"
    weights.write_bytes(b"GGUF")
    found, expected = hashlib.sha256(b"GGUF").hexdigest(), "0" * 64
    model = LlamaChat(path=weights, sha256=expected)
    with pytest.raises(DamagedWeights, match=rf"other\.gguf have sha256 {found}, expected {expected}"):
        await model.ainvoke("Hi")
    model.close()


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no weights at all" * 1000])
async def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(content)
    model = LlamaChat(path=weights)
    with pytest.raises(DamagedWeights, match=r"broken\.gguf cannot be loaded"):
        await model.load()
    model.close()


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    model = LlamaChat(path=tmp_path / "gone.gguf")
    with pytest.raises(DamagedWeights, match=r"gone\.gguf are not there"):
        await model.load()
    model.close()


async def test_closing_ends_a_running_answer_with_an_error() -> None:
    model = LlamaChat(path=locate(SMOLLM2), slots=1, n_ctx=512)
    stream = model.astream("List numbers.", format=LONG)
    assert (await anext(stream)).text != ""
    await asyncio.to_thread(model.close)
    with pytest.raises(ModelUnavailable, match="broke off"):
        async for _ in stream:
            pass
    with pytest.raises(ModelUnavailable, match="has been closed"):
        await model.ainvoke("Hi")


async def test_the_embedded_model_is_a_host_of_one() -> None:
    host = LlamaHost(small_model())
    assert await host.tags() == {"smollm2:135m"}
    assert host.limit("smollm2:135m") == 2048
    assert await host.health() == "smollm2:135m (SmolLM2-135M-Instruct.Q4_1.gguf)"


async def test_an_answer_goes_on_from_any_word_as_it_would_have_gone() -> None:
    asked = [HumanMessage("Write one sentence about the sea.")]
    model = small_model()
    pieces = [chunk.text async for chunk in model.astream(asked, max_tokens=20) if chunk.text]
    assert await LlamaHost(model).continues(model.model_name) is True
    for cut in (1, 5, len(pieces) - 1):
        begun = AIMessage("".join(pieces[:cut]))
        rest = await model.ainvoke([*asked, begun], max_tokens=20 - cut)
        assert begun.text + rest.text == "".join(pieces)
