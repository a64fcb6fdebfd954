"""The agent's configuration: what is taken, and what is said of what can't be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agents.config import BrokerSettings, Configuration, InvalidConfiguration, load, read_secret
from mqtt_schemas.plan import OutsideTurns
from mqtt_schemas.topics import Address

LEAST = """\
state_dir = "state"
[[device]]
site = "library"
id = "pc-1"
kind = "pc"
driver = "pc"
"""
TWO = f"""\
{LEAST}
[device.pc]
seat = "seat1"
[[device]]
site = "library"
id = "printer-1"
kind = "printer"
driver = "octoprint"
username = "printer"
password_file = "/etc/secret"
without_plan = "open"
[device.octoprint]
url = "http://127.0.0.1:5000"
[broker]
host = "broker.example"
port = 8883
ca_file = "ca.pem"
cert_file = "own.pem"
key_file = "/run/own.key"
"""


def written(folder: Path, text: str) -> Path:
    """Return a configuration file."""
    path = folder / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_least_configuration_has_defaults(tmp_path: Path) -> None:
    """A broker on this machine without TLS; closed without a plan; the usual user name."""
    configuration = load(written(tmp_path, LEAST), {})
    assert configuration.broker == BrokerSettings(host="127.0.0.1", port=1883)
    (device,) = configuration.device
    assert device.address == Address("library", "pc-1")
    assert device.user == "library.pc-1"
    assert (device.password_file, device.outside) == (None, OutsideTurns.CLOSED)
    assert device.own == {}
    assert configuration.log_level == "info"
    assert configuration.file == tmp_path / "agent.toml"


def test_everything_can_be_told(tmp_path: Path) -> None:
    """Several devices, each with its driver's own table."""
    configuration = load(written(tmp_path, TWO), {})
    pc, printer = configuration.device
    assert pc.own == {"seat": "seat1"}
    assert printer.own == {"url": "http://127.0.0.1:5000"}
    assert (printer.user, printer.outside) == ("printer", OutsideTurns.OPEN)
    assert (configuration.broker.host, configuration.broker.port) == ("broker.example", 8883)


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """So that a folder can be carried over; absolute ones stay."""
    configuration = load(written(tmp_path, TWO), {})
    assert configuration.state_dir == tmp_path / "state"
    assert configuration.broker.ca_file == tmp_path / "ca.pem"
    assert configuration.broker.key_file == Path("/run/own.key")
    assert configuration.device[1].password_file == Path("/etc/secret")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('state_dir = "state"', "", "state_dir: It is missing."),
        (LEAST, f"brokr = 1\n{LEAST}", "brokr: There is no such key."),
        ('state_dir = "state"', "state_dir =", "This is not TOML: Invalid value"),
        ('id = "pc-1"', "", "device number 1.id: It is missing."),
        (
            'id = "pc-1"',
            'id = "PC 1"',
            (
                "device number 1.id: It must be 1 to 40 lower-case letters, digits and inner "
                "hyphens, not 'PC 1'."
            ),
        ),
        (
            'site = "library"',
            'site = "orchestrator"',
            "device number 1: no device's address: 'orchestrator', 'pc-1'.",
        ),
        (
            'driver = "pc"',
            'driver = "vr"',
            "device number 1.driver: It must be 'pc', 'octoprint' or 'simulated', not 'vr'.",
        ),
        (
            'driver = "pc"',
            'driver = "pc"\nwithout_plan = "out_of_service"',
            "device number 1.without_plan: It must be 'open' or 'closed', not 'out_of_service'.",
        ),
        (
            'driver = "pc"',
            'driver = "simulated"\n[device.pc]\nseat = "seat0"',
            "device number 1: the table pc is there, but the driver is simulated.",
        ),
        (
            'driver = "pc"',
            'driver = "pc"\npassword = "hunter2"',
            "device number 1.password: There is no such key.",
        ),
        (
            'driver = "pc"',
            'driver = "pc"\npc = 5',
            "device number 1.pc: It must be a table, not 5.",
        ),
        ("[[device]]", "[device]", "device: It must be a list, not {"),
        (
            LEAST,
            'state_dir = "state"\ndevice = []',
            "device: there is no device.",
        ),
        (LEAST, LEAST + LEAST.partition("\n")[2], "device library/pc-1 stands twice."),
        (
            LEAST,
            LEAST + "[broker]\nport = 0",
            "broker.port: It must be greater than or equal to 1, not 0.",
        ),
        (LEAST, LEAST + '[broker]\nport = "x"', "broker.port: It must be a whole number, not 'x'."),
        (LEAST, LEAST + '[broker]\nhost = ""', "broker.host: "),
        (
            LEAST,
            LEAST + '[broker]\nhost = "a..b"',
            "broker.host: it is no host name: a part of it is empty or too long.",
        ),
        (
            LEAST,
            LEAST + '[broker]\ncert_file = "a"\nkey_file = "b"',
            "broker: cert_file and key_file need ca_file: there is no TLS without it.",
        ),
        (
            LEAST,
            LEAST + '[broker]\nca_file = "a"\ncert_file = "b"',
            "broker: cert_file and key_file go together.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    """File, key and reason, on one line; never what looks like a secret."""
    assert old in LEAST
    path = written(tmp_path, LEAST.replace(old, new))
    with pytest.raises(InvalidConfiguration) as raised:
        load(path, {})
    text = str(raised.value)
    assert text.startswith(f"{path}: {says}")
    assert text.endswith(".")
    assert "\n" not in text
    assert "hunter2" not in text
    assert "pydantic" not in text


def test_each_thing_that_is_wrong_has_a_line(tmp_path: Path) -> None:
    """So that a file is put right in one go."""
    path = written(tmp_path, LEAST.replace('id = "pc-1"', "").replace('kind = "pc"', "knd = 1"))
    with pytest.raises(InvalidConfiguration) as raised:
        load(path, {})
    assert str(raised.value).splitlines() == [
        f"{path}: device number 1.id: It is missing.",
        f"{path}: device number 1.kind: It is missing.",
        f"{path}: device number 1.knd: There is no such key.",
    ]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.exists, "No such file or directory."),
        (Path.mkdir, "Is a directory."),
        (lambda path: path.write_bytes(b"\xff\xfe"), "This is not TOML: "),
    ],
)
def test_a_file_that_cant_be_read_is_named(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    """With the reason that the system gives."""
    path = tmp_path / "agent.toml"
    make(path)
    with pytest.raises(InvalidConfiguration, match=f"{path}: {says}"):
        load(path, {})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """Two underscores go one table down, also into a table that the file does not have."""
    configuration = load(
        written(tmp_path, LEAST),
        {
            "LAITEVUORO_AGENT_STATE_DIR": "/var/lib/elsewhere",
            "LAITEVUORO_AGENT_BROKER__HOST": "broker.example",
            "LAITEVUORO_AGENT_BROKER__PORT": "1884",
            "LAITEVUORO_HTTP__PORT": "the orchestrator's",
            "PATH": "/usr/bin",
        },
    )
    assert configuration.state_dir == Path("/var/lib/elsewhere")
    assert (configuration.broker.host, configuration.broker.port) == ("broker.example", 1884)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("BROKER__PORT", "x", "It must be a whole number, not 'x'."),
        ("BROKER__PASSWORD", "hunter2", "There is no such key."),
        ("BROKERS__HOST", "hunter2", "There is no such key."),
        ("LOG_LEVEL", "loud", "It must be 'debug', 'info', 'warning' or 'error', not 'loud'."),
        ("STATE_DIR__X", "hunter2", "Only the keys of tables can be overridden."),
        ("DEVICE__0__ID", "hunter2", "Only the keys of tables can be overridden."),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, value: str, says: str) -> None:
    """In place of the file, which has nothing to do with it."""
    variable = f"LAITEVUORO_AGENT_{name}"
    with pytest.raises(InvalidConfiguration) as raised:
        load(written(tmp_path, LEAST), {variable: value})
    assert str(raised.value) == f"{variable}: {says}"


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """Without the line's end."""
    path = tmp_path / "secret"
    path.write_text("hunter2\n")
    assert read_secret(path) == "hunter2"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_a_secret_that_cant_be_used_is_named_by_its_file(
    tmp_path: Path, content: bytes | None
) -> None:
    """Never by what is in it."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidConfiguration, match=rf"{path}: The secret .*\.$"):
        read_secret(path)


def test_a_configuration_made_by_hand_has_no_file() -> None:
    """Paths then stay as they are."""
    configuration = Configuration.model_validate(
        {
            "state_dir": "here",
            "device": [{"site": "a", "id": "b", "kind": "pc", "driver": "pc"}],
        }
    )
    assert (configuration.state_dir, configuration.file) == (Path("here"), Path())
