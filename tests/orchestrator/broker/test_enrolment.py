"""Enrolment, held against the agent's own reading of its configuration."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import bcrypt
import pytest

from agents.config import load, read_secret
from mqtt_schemas.topics import Address
from orchestrator.broker.credentials import Credentials, CredentialsError
from orchestrator.broker.enrolment import Driver, Enrolment, agent_toml, enrol

DEVICE = Address("library", "printer-1")
PLAIN = Enrolment(address=DEVICE, kind="printer", driver="pc", host="broker.example", port=8883)


@pytest.mark.parametrize("driver", ["pc", "octoprint", "simulated"])
def test_the_agent_takes_it(tmp_path: Path, driver: Driver) -> None:
    """The agent reads what was written, finds its secret, and the broker's hash is of it."""
    credentials = Credentials(tmp_path / "credentials")
    folder = tmp_path / "out"
    enrol(replace(PLAIN, driver=driver), credentials=credentials, folder=folder)
    configuration = load(folder / "agent.toml", {})
    (device,) = configuration.device
    assert (device.address, device.kind, device.driver) == (DEVICE, "printer", driver)
    assert (configuration.broker.host, configuration.broker.port) == ("broker.example", 8883)
    assert device.password_file is not None
    secret = read_secret(device.password_file).encode()
    assert bcrypt.checkpw(secret, credentials.hashes()[device.user].bcrypt.encode())


def test_the_folder_may_be_carried_over(tmp_path: Path) -> None:
    """Moved elsewhere, the configuration still finds its secret."""
    enrol(PLAIN, credentials=Credentials(tmp_path / "c"), folder=tmp_path / "out")
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    (device,) = load(moved / "agent.toml", {}).device
    assert device.password_file == moved / "agent-secrets" / DEVICE.user


def test_only_the_secret_is_secret(tmp_path: Path) -> None:
    """The service's user may read the configuration; the secret is root's alone."""
    config, secret = enrol(PLAIN, credentials=Credentials(tmp_path / "c"), folder=tmp_path / "out")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(config.stat().st_mode) & 0o044
    assert secret.read_text().strip() not in config.read_text()


def test_for_the_service_the_secret_is_systemds_to_hand_over(tmp_path: Path) -> None:
    """The path is that of LoadCredential=secret:/etc/laitevuoro/agent-secrets."""
    text = agent_toml(replace(PLAIN, as_service=True), folder=tmp_path)
    path = f"/run/credentials/laitevuoro-agent.service/secret_{DEVICE.user}"
    assert f'password_file = "{path}"' in text
    assert 'state_dir = "/var/lib/laitevuoro-agent"' in text


def test_an_authority_is_passed_on(tmp_path: Path) -> None:
    """The agent is told by which authority it knows the broker."""
    text = agent_toml(replace(PLAIN, ca_file=Path('/etc/a "b"/ca.pem')), folder=tmp_path)
    (tmp_path / "agent.toml").write_text(text)
    assert load(tmp_path / "agent.toml", {}).broker.ca_file == Path('/etc/a "b"/ca.pem')


def test_nothing_is_overwritten_and_no_half_is_left(tmp_path: Path) -> None:
    """Where a file is there already, neither secret nor hashes change."""
    credentials, folder = Credentials(tmp_path / "c"), tmp_path / "out"
    enrol(PLAIN, credentials=credentials, folder=folder)
    before = credentials.hashes()
    with pytest.raises(CredentialsError, match=r"agent\.toml is there already"):
        enrol(PLAIN, credentials=credentials, folder=folder)
    (folder / "agent.toml").unlink()
    with pytest.raises(CredentialsError, match=r"printer-1 is there already"):
        enrol(PLAIN, credentials=credentials, folder=folder)
    assert not (folder / "agent.toml").exists()
    assert credentials.hashes() == before


def test_without_hashes_no_secret_is_handed_out(tmp_path: Path) -> None:
    """Where the hashes can't be kept, no file is left that would look like a way in."""
    (tmp_path / "c").write_text("a file where a folder should be")
    with pytest.raises(CredentialsError):
        enrol(PLAIN, credentials=Credentials(tmp_path / "c"), folder=tmp_path / "out")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
