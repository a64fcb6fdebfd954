"""What the command says before anything is started. The run itself: tests/e2e/test_rehearsal.py."""

from __future__ import annotations

import pytest

from orchestrator.cli import main


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--events", "99"], "--events is a whole number from 100 to 1000000, not 99."),
        (["--events", "1000001"], "--events is a whole number from 100 to 1000000, not 1000001."),
    ],
)
def test_a_size_that_makes_no_rehearsal_is_refused(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, with exit code 2."""
    assert main(["rehearse", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.strip() == sentence


def test_a_broker_that_is_not_installed_is_said_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what can be done about it."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert main(["rehearse", "--broker", "mosquitto"]) == 2
    assert capsys.readouterr().err == (
        "Mosquitto is not installed; install it, or rehearse with --broker nats.\n"
    )


@pytest.mark.parametrize("words", [["--broker", "carrier-pigeon"], ["--seed", "one"]])
def test_what_is_no_option_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stack trace."""
    assert main(["rehearse", *words]) == 2
    assert "Traceback" not in capsys.readouterr().err
