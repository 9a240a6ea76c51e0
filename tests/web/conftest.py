"""A real browser on a real server whose answers the test scripts."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.web.scripted import Stage, create_app

CHROMIUM = "/usr/bin/chromium"
THERE = Path(CHROMIUM).exists()
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS = [*QUIET, "--disable-component-update", "--disable-sync"]
PATIENCE = 10_000
"""Milliseconds a test waits for the page before it fails."""


@dataclass
class Site:
    """A stage and where its server listens."""

    stage: Stage
    url: str


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Open the system's Chromium; without one, skip, but fail where CI promised it."""
    if not THERE:
        reason = f"{CHROMIUM} is not there: install Chromium (apt-get install chromium) to test the page"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """Serve a fresh stage on a free port of the loopback."""
    stage = Stage()
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(stage), log_level="critical", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield Site(stage, f"http://127.0.0.1:{listener.getsockname()[1]}")
    for task in list(stage.tasks):
        task.cancel()
    server.should_exit = True
    await serving
    listener.close()


@dataclass
class Watch:
    """What the page did that a person does not see."""

    hosts: set[str]
    complaints: list[str]


@pytest_asyncio.fixture(loop_scope="session")
async def watch() -> Watch:
    """Collect the hosts that the page turns to, and the errors on its console."""
    return Watch(set(), [])


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, site: Site, watch: Watch) -> AsyncIterator[Page]:
    """Open the page in a browser profile of its own. It may not break its security policy or throw in any test."""
    context = await browser.new_context(base_url=site.url, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    opened = await context.new_page()

    def complained(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            watch.complaints.append(message.text)

    context.on("request", lambda request: watch.hosts.add(urlsplit(request.url).netloc))
    opened.on("console", complained)
    opened.on("pageerror", lambda error: watch.complaints.append(str(error)))
    await opened.goto("/")
    yield opened
    await context.close()
    assert watch.complaints == []
