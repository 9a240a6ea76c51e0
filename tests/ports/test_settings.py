"""Settings as an operator writes them: text from the environment."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from ports.settings import Settings
from switchboard import told

TIMES = ("log_ttl", "cache_ttl", "model_timeout")


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3600", 3600), ("86400.0", 86400), ("0.5", 0.5), (" 60 ", 60), ("PT2M", 120), ("P1D", 86400)],
)
def test_a_time_is_seconds_or_iso_8601(monkeypatch: pytest.MonkeyPatch, name: str, text: str, seconds: float):
    monkeypatch.setenv(f"SWITCHBOARD_{name.upper()}", text)
    assert getattr(Settings(), name) == timedelta(seconds=seconds)


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("text", ["soon", "1 hour", "", "-5", "1" * 30])
def test_another_time_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch, name: str, text: str):
    monkeypatch.setenv(f"SWITCHBOARD_{name.upper()}", text)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert told(refused.value) == (
        2,
        f"SWITCHBOARD_{name.upper()} is {text!r}: it must be seconds such as 3600, or ISO 8601 such as PT1H. "
        "Correct or unset it.",
    )
