"""The command's edges: usage, output and exit codes."""

import json
from pathlib import Path

import pytest

from ingest.__main__ import main, show
from ingest.report import Report


@pytest.mark.parametrize("arguments", [[], ["docs", "--workers", "0"], ["docs", "--unknown"]])
def test_bad_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: switchboard ingest" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://example.org/x"], "begins with http:// or https://"),
        (["http://ada:secret@example.org/"], "holds a user name or a password"),
        (["--sitemap", "docs"], "none is named"),
        (["https://example.org/", "--groups", ""], "--groups names nobody"),
        (["https://example.org/", "--groups", " ,"], "--groups names nobody"),
        ([".", "--watch", "--groups", ","], "--groups names nobody"),
    ],
)
def test_an_address_or_a_group_that_is_none_is_bad_usage_before_anything_is_opened(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SWITCHBOARD_DATA_DIR", str(tmp_path / "data"))
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_json_is_one_line_on_stdout_and_failures_are_one_line_each_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report(added=2, unchanged=1, chunks=7, bytes=90, seconds=1.23456)
    report.fail("docs/a.md", "docs/a.md is empty.")
    report.note("docs/b.pdf", ["docs/b.pdf: page 2 has no text."])
    report.skipped = {"png": 3}
    show(report, as_json=True)
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "documents": {"added": 2, "updated": 0, "unchanged": 1, "deleted": 0, "failed": 1},
        "chunks": 7,
        "bytes": 90,
        "seconds": 1.235,
        "failures": [{"source": "docs/a.md", "error": "docs/a.md is empty."}],
        "skipped": {"png": 3},
        "notes": [{"source": "docs/b.pdf", "note": "docs/b.pdf: page 2 has no text."}],
    }
    assert shown.out.count("\n") == 1
    assert shown.err == (
        "docs/a.md is empty.\ndocs/b.pdf: page 2 has no text.\nLeft out, since nobody named them: png 3.\n"
    )
