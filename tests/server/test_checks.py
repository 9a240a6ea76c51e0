"""A health check's verdict is a sentence, whatever the check did."""

import asyncio
import logging

import pytest
from redis.exceptions import ConnectionError as Refused

from server import checks
from server.checks import State, run_check


async def test_a_known_outage_is_said_and_not_noted_as_a_defect(caplog: pytest.LogCaptureFixture):
    async def check() -> tuple[State, str]:
        raise Refused

    assert await run_check(check) == ("error", "The run log does not answer. Try again in a moment.")
    assert caplog.records == []


async def test_a_defect_is_said_and_noted(caplog: pytest.LogCaptureFixture):
    async def check() -> tuple[State, str]:
        raise Exception("an engine's own")  # what the embedded index raises

    caplog.set_level(logging.ERROR)
    state, sentence = await run_check(check)
    assert (state, sentence) == ("error", "Something went wrong on our side; it has been noted. Ask again.")
    assert "an engine's own" in caplog.text


async def test_a_check_that_hangs_is_an_error_with_the_limit():
    async def check() -> tuple[State, str]:
        await asyncio.Event().wait()
        raise AssertionError

    began = asyncio.get_running_loop().time()
    assert await run_check(check) == ("error", "No answer within 5 s.")
    assert asyncio.get_running_loop().time() - began < checks.PATIENCE_S + 1


async def test_a_cancelled_check_is_cancelled():
    running = asyncio.Event()

    async def check() -> tuple[State, str]:
        running.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(run_check(check))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
