"""The rendered files of Mosquitto, read back and tried with Mosquitto itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given

from mqtt_schemas.topics import Address
from orchestrator.broker import mosquitto
from orchestrator.broker.access import AccessError
from orchestrator.broker.credentials import hash_secret
from orchestrator.broker.files import write_files
from orchestrator.broker.listener import Listener, NotRenderable, Tls
from tests.e2e.brokers import end
from tests.orchestrator.broker.strategies import addresses
from tests.orchestrator.broker.test_access import everybody
from tests.parts import require

LISTENER = Listener(host="127.0.0.1", port=1883)
PLACES = mosquitto.Places(folder=Path("/etc/x"), store=Path("/var/x"))
DEVICE = Address("a", "b")


def files(devices: list[Address], *, listener: Listener = LISTENER) -> dict[str, str]:
    """Return the rendered files."""
    return mosquitto.render(listener=listener, users=everybody(devices), places=PLACES)


@given(addresses(min_size=1))
def test_each_users_block_is_exact(devices: list[Address]) -> None:
    """For any valid ids each user stands once, with its topics and nothing else."""
    blocks = files(devices)[mosquitto.ACCESS].split("\n\n")
    assert len(blocks) == len(devices) + 1
    for block, device in zip(blocks[1:], devices, strict=True):
        own = f"laitevuoro/v1/{device.site}/{device.device}"
        assert block.splitlines() == [
            f"user {device.site}.{device.device}",
            f"topic write {own}/up/#",
            f"topic read {own}/down/#",
            "topic read laitevuoro/v1/orchestrator/#",
        ]


@given(addresses(min_size=1))
def test_each_user_has_one_password_line(devices: list[Address]) -> None:
    """The password file names the same users, in one line each."""
    names = [line.partition(":")[0] for line in files(devices)[mosquitto.PASSWORDS].splitlines()]
    assert names == [user.name for user in everybody(devices)]


def test_no_pattern_and_nobody_anonymous() -> None:
    """No rule is made at run time from a name that a client chose."""
    rendered = files([DEVICE])
    assert "pattern" not in rendered[mosquitto.ACCESS]
    assert rendered[mosquitto.ACCESS].startswith("user ")
    assert "allow_anonymous false" in rendered[mosquitto.CONFIG].splitlines()
    assert "use_username_as_clientid" not in rendered[mosquitto.CONFIG]


def test_nagle_is_off_and_nothing_is_dropped_in_silence() -> None:
    """The two settings whose defaults cost most."""
    lines = files([DEVICE])[mosquitto.CONFIG].splitlines()
    assert "set_tcp_nodelay true" in lines
    assert "max_queued_messages 0" in lines


def test_tls_files_and_client_certificates() -> None:
    """With an authority for clients, a certificate is asked of each."""
    tls = Tls(certificate=Path("/c"), key=Path("/k"), clients_ca=Path("/ca"))
    lines = files([DEVICE], listener=Listener(host="::", port=8883, tls=tls))[
        mosquitto.CONFIG
    ].splitlines()
    assert lines[1:6] == [
        "listener 8883 ::",
        "certfile /c",
        "keyfile /k",
        "cafile /ca",
        "require_certificate true",
    ]


def test_no_users_is_refused() -> None:
    """A broker for nobody is a mistake."""
    with pytest.raises(AccessError, match="serve nobody"):
        mosquitto.render(listener=LISTENER, users=(), places=PLACES)


@pytest.mark.parametrize("path", ["/x\nallow_anonymous true", "/x\ruser root", " /x", "/x\0"])
def test_a_path_that_breaks_its_line_is_refused(path: str) -> None:
    """A line break in a path can't add a setting."""
    places = mosquitto.Places(folder=Path("/etc/x"), store=Path("/x"), log_file=Path(path))
    with pytest.raises(NotRenderable):
        mosquitto.render(listener=LISTENER, users=everybody([DEVICE]), places=places)


@pytest.mark.e2e
def test_passwords_are_as_mosquittos_own_tool_makes_them(tmp_path: Path) -> None:
    """Algorithm, rounds and lengths are those of mosquitto_passwd."""
    tool = require(shutil.which("mosquitto_passwd"), "mosquitto_passwd is not installed")
    path = tmp_path / "passwords"
    subprocess.run([tool, "-b", "-c", path, "a.b", "secret"], check=True, timeout=20)
    theirs = path.read_text().strip().partition(":")[2].split("$")
    ours = hash_secret("secret").pbkdf2.split("$")
    assert [ours[1], ours[2]] == [theirs[1], theirs[2]]
    assert [len(each) for each in ours] == [len(each) for each in theirs]


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["plain", "with space", "umlaut-ä"])
def test_mosquitto_takes_it(tmp_path: Path, name: str) -> None:
    """Mosquitto starts on the rendered files, wherever they stand."""
    found = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    program = require(found, "mosquitto is not installed")
    folder = tmp_path / name
    places = mosquitto.Places(folder=folder, store=folder, run_as="root")
    # Port 0 and a path is a Unix socket: the check takes no port of this machine.
    rendered = mosquitto.render(listener=LISTENER, users=everybody([DEVICE]), places=places)
    config = rendered[mosquitto.CONFIG].replace(
        "listener 1883 127.0.0.1", f"listener 0 {tmp_path}/s"
    )
    write_files(folder, {**rendered, mosquitto.CONFIG: config})
    with subprocess.Popen(
        [program, "-c", folder / mosquitto.CONFIG], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = ""
        while "running" not in said and (line := process.stderr.readline()):
            said += line
        end(process)
    assert "running" in said
    assert "Error" not in said
