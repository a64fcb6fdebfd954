"""The demo's options. What it does is in tests/e2e/test_demo.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.demo import USAGE, Options, run


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(seconds=0), "--for"),
        (Options(seconds=float("nan")), "--for"),
        (Options(speed=0), "--speed"),
        (Options(speed=11), "--speed"),
    ],
)
def test_a_bad_option_is_one_sentence(
    capsys: pytest.CaptureFixture[str], options: Options, said: str
) -> None:
    """Exit code 2, nothing on standard output, nothing started."""
    assert run(options) == USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_missing_octoprint_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It says how to get it, and how to do without."""
    monkeypatch.setenv("LAITEVUORO_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(Options(octoprint=True)) == USAGE
    _, err = capsys.readouterr()
    assert "pip install octoprint" in err
    assert len(err.splitlines()) == 1
