"""The progress bar of long work."""

from __future__ import annotations

import io
import sys

import pytest

from orchestrator.progress import bar


class Terminal(io.StringIO):
    """A standard error that somebody looks at."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_on_a_terminal_it_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, so that output can be piped on."""
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with bar("Rebuilding") as progress:
        progress(50, 100)
    assert "Rebuilding" in screen.getvalue()
    assert "50%" in screen.getvalue()


def test_elsewhere_it_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """A log file needs none."""
    with bar("Rebuilding") as progress:
        progress(1, 2)
    assert capsys.readouterr() == ("", "")
