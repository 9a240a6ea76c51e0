"""The chat models as the nodes see them."""

from langchain_core.messages import HumanMessage

from bench.stub import Stub, serving
from contracts.agents import ModelChoice
from contracts.state import Passage
from contracts.tools import Tool
from models.chat import REWRITTEN, PoolChat
from models.pool import Pool
from ports.llama import LlamaHost
from ports.ollama import open_hosts
from tests.servers.llama import small_model


def passage(text: str) -> Passage:
    return Passage(
        id="p", source="", title="", headings=[], page=None, start=0, end=0, score=1.0, text=text, signals={}
    )


def ask(question: str, passages: "list[Passage]") -> str:
    return "\n".join([*(p["text"] for p in passages), question])


async def test_what_was_counted_is_what_the_embedded_model_reads() -> None:
    model = small_model()
    chat = PoolChat(
        Pool([LlamaHost(model)]),
        ModelChoice(primary="smollm2:135m"),
        ask,
        exact=model.count_tokens,
        reserve=32,
    )
    name = chat.select("answer")
    passages = [passage("Rome is the capital of Italy. " * 20)] * 20
    turns, kept, fit = await chat.fit(name, "Be brief.", [], passages, "What is the capital of Italy?")
    assert turns == []
    assert 0 < len(kept) < 20
    assert fit["prompt_tokens"] <= 2048 - 32
    assert fit["dropped_passages"] == 20 - len(kept)


async def test_an_answer_is_no_longer_than_its_reserve() -> None:
    stub = Stub(tokens=50)
    async with serving(stub) as url, open_hosts([url], {"stub": 64}) as hosts:
        chat = PoolChat(Pool(hosts), ModelChoice(primary="stub"), ask, reserve=1024)
        pieces = [chunk async for chunk in chat.stream("stub", [HumanMessage("Hi")])]
    assert stub.last["options"] == {"num_ctx": 64, "num_predict": 32}
    assert len([chunk for chunk in pieces if chunk.text]) == 32
    assert [one.response_metadata["done_reason"] for one in pieces if one.response_metadata] == ["length"]


async def test_a_host_s_model_rewrites_and_one_that_fails_leaves_the_question_as_it_is() -> None:
    stub = Stub(tokens=4)
    async with serving(stub) as url, open_hosts([url], {"stub": 4096}) as hosts:
        chat = PoolChat(Pool(hosts), ModelChoice(fast="stub"), ask, rewrites=True)
        talk = [HumanMessage("user: How much leave?\nuser: And there?")]
        assert await chat.rewrite(talk) == "The stub counts words"
        assert stub.last["options"]["num_predict"] == REWRITTEN
        assert stub.last["messages"][-1]["content"] == talk[0].content
        stub.broken = "refuse"
        assert await chat.rewrite(talk) is None


async def test_a_host_that_hangs_does_not_hold_up_a_follow_up() -> None:
    stub = Stub(tokens=4)
    async with serving(stub) as url, open_hosts([url], {"stub": 4096}) as hosts:
        chat = PoolChat(Pool(hosts), ModelChoice(fast="stub"), ask, rewrites=True, patience=0.1)
        assert await chat.rewrite([HumanMessage("And there? [[stall]]")]) is None


async def test_without_a_host_nothing_is_rewritten() -> None:
    assert await PoolChat(Pool([]), ModelChoice(), ask).rewrite([HumanMessage("And there?")]) is None


async def test_what_tools_take_of_the_context_is_counted_and_a_result_is_cut_to_what_is_left() -> None:
    stub = Stub(tokens=4)
    tools = [Tool(name=f"t{n}", description="Counts the cups. " * 10, url="http://x") for n in range(5)]
    async with serving(stub) as url, open_hosts([url], {"stub": 2048}) as hosts:
        chat = PoolChat(Pool(hosts), ModelChoice(primary="stub"), ask, reserve=512)
        passages = [passage("Rome is the capital of Italy. " * 10)] * 12
        _, alone, fit = await chat.fit("stub", "Be brief.", [], passages, "What?")
        _, beside, less = await chat.fit("stub", "Be brief.", [], passages, "What?", tools)
        assert 0 < len(beside) < len(alone)
        assert max(fit["prompt_tokens"], less["prompt_tokens"]) <= 2048 - 512
        assert await chat.shorten("stub", [HumanMessage("Hi")], "7 cups", tools) == "7 cups"
        half, whole = [
            len(await chat.shorten("stub", [HumanMessage("Hi")], "7" * 9000, tools, shares))
            for shares in (2, 1)
        ]
        assert 0 < half < whole < 2048 - 512
        assert abs(whole - 2 * half) < 200
        assert await chat.shorten("stub", [HumanMessage("7" * 5000)], "7 cups") == ""
