"""The commands `broker config`, `device list` and `device enrol`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestrator.broker.cli import app
from orchestrator.broker.credentials import Credentials
from orchestrator.broker.mosquitto import ACCESS
from orchestrator.broker.setup import users_of
from orchestrator.config import load

CONFIG = """
[orchestrator]
state_dir = "state"
[broker]
port = 18830
[policy]
at_end = "lock"
[[site]]
id = "library"
[[site]]
id = "branch"
[[device]]
site = "library"
id = "pc-1"
kind = "pc"
name = "Pelikone 1"
[[device]]
site = "library"
id = "printer-1"
kind = "printer"
[[device]]
site = "branch"
id = "pc-1"
kind = "pc"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(CONFIG)
    return path


def run(*words: str | Path) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(word) for word in words])


def enrol(config: Path, device: str, output: Path, *more: str) -> Result:
    """Run `device enrol`."""
    words = ("--config", config, "--driver", "pc", "--output", output)
    return run("device", "enrol", device, *words, *more)


def test_enrolled_devices_are_listed(config: Path, tmp_path: Path) -> None:
    """The list tells who has credentials."""
    assert enrol(config, "printer-1", tmp_path / "out").exit_code == 0
    lines = run("device", "list", "--config", config).stdout.splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["library/pc-1", "pc", "not", "enrolled"],
        ["library/printer-1", "printer", "enrolled", "printer-1"],
        ["branch/pc-1", "pc", "not", "enrolled"],
    ]
    assert lines[0].endswith("Pelikone 1")


def test_the_secret_is_not_shown(config: Path, tmp_path: Path) -> None:
    """A terminal keeps what it showed: only the files' names are printed."""
    result = enrol(config, "library/pc-1", tmp_path / "out")
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert [path.name for path in paths] == ["agent.toml", "library.pc-1"]
    assert paths[1].read_text().strip() not in result.output


@pytest.mark.parametrize("kind", ["mosquitto", "nats"])
def test_the_brokers_files_hold_who_is_enrolled(config: Path, tmp_path: Path, kind: str) -> None:
    """Users are the orchestrator and the enrolled devices."""
    enrol(config, "library/pc-1", tmp_path / "out")
    result = run("broker", "config", "--config", config, "--kind", kind, "--output", tmp_path / "b")
    assert result.exit_code == 0, result.output
    text = "".join(Path(line).read_text() for line in result.stdout.splitlines())
    assert "orchestrator.main" in text
    assert "library.pc-1" in text
    assert "branch.pc-1" not in text
    assert "18830" in text


def test_revoked_devices_leave_the_files(config: Path, tmp_path: Path) -> None:
    """Rendered again, the access list no longer holds who was revoked."""
    enrol(config, "library/pc-1", tmp_path / "out")
    Credentials(tmp_path / "state" / "credentials").revoke("library.pc-1")
    words = ("--config", config, "--kind", "mosquitto", "--output", tmp_path / "b")
    assert run("broker", "config", *words).exit_code == 0
    assert "library.pc-1" not in (tmp_path / "b" / ACCESS).read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["device", "enrol", "x"], "There is no device x in the configuration."),
        (["device", "enrol", "pc-1"], "say which of library/pc-1, branch/pc-1."),
        (["broker", "config", "--kind", "nats", "--host", "::"], "needs TLS"),
        (["broker", "config", "--kind", "nats", "--cert", "x"], "--cert and --key go together"),
        (["broker", "config", "--kind", "nats", "--group", "no-such"], "There is no group no-such"),
        (["broker", "config", "--kind", "nats", "--store", "/a\nb"], "no broker's configuration"),
    ],
)
def test_mistakes_are_one_sentence(
    config: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    """Exit code 2, one line on standard error, nothing written."""
    more = ["--driver", "pc"] if words[0] == "device" else []
    result = run(*words, *more, "--config", config, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_a_port_that_is_not_fixed_is_refused(config: Path, tmp_path: Path) -> None:
    """An agent can't be told a port that changes; --port gives one."""
    config.write_text(CONFIG.replace("18830", "0"))
    refused = enrol(config, "printer-1", tmp_path / "out")
    assert refused.exit_code == 2
    assert "port is 0" in refused.stderr
    assert enrol(config, "printer-1", tmp_path / "out", "--port", "1883").exit_code == 0


def test_a_folder_that_can_not_be_written_is_one_sentence(config: Path, tmp_path: Path) -> None:
    """The system's reason is shown, no trace."""
    (tmp_path / "file").write_text("")
    words = ("--config", config, "--kind", "nats", "--output", tmp_path / "file")
    result = run("broker", "config", *words)
    assert result.exit_code == 2
    assert result.stderr == f"{tmp_path}/file: File exists.\n"


def test_a_missing_configuration_is_one_sentence(tmp_path: Path) -> None:
    """The sentence names the file."""
    result = run("device", "list", "--config", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert result.stderr == f"{tmp_path}/none.toml: No such file or directory.\n"


def test_an_attended_device_has_no_user(config: Path, tmp_path: Path) -> None:
    """It has no agent that would come: nothing to enrol, nothing that the broker lets in."""
    config.write_text(f'{CONFIG}\n[[device]]\nsite = "branch"\nid = "corner"\nkind = "attended"\n')
    refused = enrol(config, "corner", tmp_path / "out")
    assert refused.exit_code == 2
    assert "it has no agent to enrol" in refused.stderr
    assert enrol(config, "printer-1", tmp_path / "out").exit_code == 0
    words = run("device", "list", "--config", config).stdout.splitlines()[-1].split()
    assert words[:4] == ["branch/corner", "attended", "no", "agent"]
    users = {user.name for user in users_of(load(config, {}))}
    assert "library.printer-1" in users
    assert "branch.corner" not in users
