"""`laitevuoro-agent`: its words, and what it says of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents import cli

CONFIG = """\
state_dir = "state"
[[device]]
site = "library"
id = "d-1"
kind = "vr"
driver = "simulated"
[device.simulated]
socket = "device.sock"
"""


@pytest.mark.parametrize(
    "words", [[], ["run"], ["check"], ["helper"], ["scripted-device"]], ids=lambda words: words[:1]
)
def test_every_command_has_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It names its options and ends well."""
    with pytest.raises(SystemExit) as raised:
        cli.main([*words, "--help"])
    assert raised.value.code == 0
    said = capsys.readouterr().out
    assert "usage: laitevuoro-agent" in said
    assert "--config" in said or words not in (["run"], ["check"])


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that parse their own options too."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    for command in ("run", "check", "helper", "scripted-device"):
        assert command in said


@pytest.mark.parametrize("words", [[], ["fly"], ["run", "--fast"], ["run", "--config"]])
def test_words_that_are_no_command_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2 and the usage, without a trace."""
    with pytest.raises(SystemExit) as raised:
        cli.main(words)
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: laitevuoro-agent")
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("state_dir", "stat_dir", "stat_dir: There is no such key."),
        ('socket = "device.sock"', "", "device library/d-1: simulated: socket: It is missing."),
        (
            "[device.simulated]",
            'password_file = "nowhere"\n[device.simulated]',
            "nowhere: The secret can't be read.",
        ),
    ],
)
def test_a_bad_configuration_is_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    old: str,
    new: str,
    says: str,
) -> None:
    """Exit code 2; a sentence on the error stream, no trace, nothing half started."""
    path = tmp_path / "agent.toml"
    path.write_text(CONFIG.replace(old, new))
    assert cli.main([command, "--config", str(path)]) == cli.USAGE
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err
    assert str(tmp_path) in said.err


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_configuration_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """The usual place too, on a machine where nothing is set up."""
    path = tmp_path / "agent.toml"
    assert cli.main([command, "--config", str(path)]) == cli.USAGE
    assert capsys.readouterr().err == f"{path}: No such file or directory.\n"


def test_an_interrupt_leaves_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a check is no error of the program."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "load", interrupt)
    assert cli.main(["check", "--config", str(tmp_path)]) == cli.INTERRUPTED
    assert capsys.readouterr() == ("", "")
