"""Parts of the machine that a test needs."""

from __future__ import annotations

import pytest

from tests.parts import require


def test_a_part_that_is_there_is_returned() -> None:
    """The test gets what it asked for."""
    assert require("/usr/sbin/mosquitto", "mosquitto is not installed") == "/usr/sbin/mosquitto"


def test_a_missing_part_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a developer's machine a test that can't run is skipped with the reason."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="mosquitto is not installed"):
        require(None, "mosquitto is not installed")


def test_a_missing_part_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI nothing is skipped: a missing part is a failure."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have it"):
        require(None, "mosquitto is not installed")
