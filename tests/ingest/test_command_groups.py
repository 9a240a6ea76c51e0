"""Who may read what the command takes in is what `--groups` says, for files and for pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.identity import LOCAL
from graph.database import open_database
from ingest.__main__ import ingest, parser
from ports.settings import Settings
from store import documents
from tests.servers.site import SiteServer, serving_site


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with serving_site() as server:
        yield server


async def test_a_page_and_a_file_of_one_command_are_for_the_groups_that_it_names(
    site: SiteServer, tmp_path: Path
) -> None:
    site.put("/pay", "<title>Pay</title><p>The pay scale has seven steps.</p>")
    (tmp_path / "a.md").write_text("# A\n\nAlpha.\n")
    settings = Settings.model_validate(
        {"data_dir": tmp_path / "data", "web_networks": "127.0.0.0/8", "web_delay": 0}
    )
    named = [site.at("/pay"), str(tmp_path / "a.md"), "--groups", "board"]
    report = await ingest(parser().parse_args(named), settings, lambda _: None)
    assert (report.added, report.failures) == (2, [])
    async with open_database(settings) as database:
        noted = await documents.noted(database, LOCAL)
    assert {source: one.groups for source, one in noted.items()} == {
        site.at("/pay"): ["board"],
        f"{tmp_path.name}/a.md": ["board"],
    }
