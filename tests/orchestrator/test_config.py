"""The configuration, and the sentences about what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.config import load
from orchestrator.config_errors import InvalidConfiguration

GOOD = """
[orchestrator]
instance = "paja-1"
state_dir = "state"

[http]
port = 0

[policy]
at_end = "lock"
grace = 60

[kind.printer.policy]
at_end = "finish_job"
warn_before = [60, 600, 60]

[[site]]
id = "paja"
name = "Pajala"

[[device]]
site = "paja"
id = "printer-1"
kind = "printer"
name = "Printer 1"

[device.policy]
grace = 120

[[device]]
site = "paja"
id = "pc-1"
kind = "pc"
"""

PRINTER, PC = Address("paja", "printer-1"), Address("paja", "pc-1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a configuration file that is right."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(GOOD)
    return path


def wrong(file: Path, old: str, new: str, **environment: str) -> list[str]:
    """Return the lines of the refusal after a change of the file, without the file's name."""
    text = GOOD.replace(old, new, 1)
    assert text != GOOD or environment
    file.write_text(text)
    with pytest.raises(InvalidConfiguration) as refusal:
        load(file, environment)
    return str(refusal.value).replace(f"{file}: ", "").splitlines()


def test_devices_inherit_from_all_to_kind_to_device(file: Path) -> None:
    """And each value is told with its source."""
    config = load(file, {})
    printer, pc = config.devices[PRINTER], config.devices[PC]
    assert (printer.policy.at_end, printer.policy.grace) == (AtEnd.FINISH_JOB, 120)
    assert (pc.policy.at_end, pc.policy.grace) == (AtEnd.LOCK, 60)
    assert printer.policy.warn_before == (600, 60)
    assert config.effective[PRINTER].sources["warn_before"] == "[kind.printer.policy]"
    assert (printer.name, pc.name) == ("Printer 1", "pc-1")


def test_a_site_stands_between_all_and_kinds(file: Path) -> None:
    """Its policy overrides what holds everywhere, and gives way to that of a kind."""
    site = '[site.policy]\ngrace = 90\nat_end = "end"\n[[device]]'
    file.write_text(GOOD.replace("[[device]]", site, 1))
    config = load(file, {})
    printer, pc = config.effective[PRINTER], config.effective[PC]
    assert (pc.policy.grace, pc.sources["grace"]) == (90, "[site.policy]")
    assert (printer.policy.grace, printer.policy.at_end) == (120, AtEnd.FINISH_JOB)


def test_a_relative_path_is_relative_to_the_file(file: Path) -> None:
    """Not to wherever the process was started."""
    assert load(file, {}).orchestrator.state_dir == file.parent / "state"


def test_the_environment_overrides_keys_of_tables(file: Path) -> None:
    """Two underscores go one table down; other variables mean something else."""
    config = load(
        file,
        {
            "LAITEVUORO_HTTP__PORT": "8080",
            "LAITEVUORO_POLICY__WARN_BEFORE": "300, 60",
            "LAITEVUORO_KIND__PRINTER__POLICY__GRACE": "7",
            "LAITEVUORO_CONFIG": "elsewhere",
            "LAITEVUORO_AGENT_BROKER__HOST": "an agent's",
            "HOME": "/root",
        },
    )
    assert config.http.port == 8080
    assert config.devices[PC].policy.warn_before == (300, 60)
    assert config.effective[PRINTER].policy.grace == 120


def test_an_ids_hyphens_are_underscores_in_the_environment(file: Path) -> None:
    """A shell knows no hyphen in a variable's name."""
    file.write_text(GOOD.replace('kind = "pc"', 'kind = "vr-station"'))
    config = load(file, {"LAITEVUORO_KIND__VR_STATION__POLICY__GRACE": "5"})
    assert config.devices[PC].policy.grace == 5


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("LAITEVUORO_HTTP__PORT", "many", "It must be a whole number, not 'many'."),
        ("LAITEVUORO_HTPP__PORT", "1", "There is no such key."),
        ("LAITEVUORO_HTTP__PROT", "1", "There is no such key."),
        ("LAITEVUORO_DEVICE__NAME", "x", "Only the keys of tables can be overridden."),
        ("LAITEVUORO_HTTP__PORT__X", "x", "Only the keys of tables can be overridden."),
    ],
)
def test_a_wrong_variable_is_named_instead_of_the_file(
    file: Path, variable: str, value: str, line: str
) -> None:
    """The file is right; looking for the fault there would be in vain."""
    file.write_text(GOOD.replace("port = 0", "port = 1"))
    with pytest.raises(InvalidConfiguration) as refusal:
        load(file, {variable: value})
    assert str(refusal.value) == f"{variable}: {line}"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("port = 0", "prot = 0", "http.prot: There is no such key."),
        (
            "port = 0",
            "port = 65536",
            "http.port: It must be less than or equal to 65535, not 65536.",
        ),
        ("port = 0", "port = 1.5", "http.port: It must be a whole number, not 1.5."),
        ('"lock"', '"lokc"', "policy.at_end: It must be 'lock', 'end', 'finish_job', "),
        ('id = "pc-1"', 'id = "PC 1"', "device number 2.id: It must be 1 to 40 lower-case"),
        ('kind = "pc"', "", "device number 2.kind: It is missing."),
        ("grace = 120", "grace = -1", "device number 1.policy.grace: It must be greater"),
        ('id = "pc-1"', 'id = "printer-1"', "device paja/printer-1 stands twice."),
        ('id = "paja"', 'id = "pajala"', "device paja/printer-1 is at a site that is not in"),
        ('id = "paja"', 'id = "orchestrator"', "site number 1.id: 'orchestrator' is reserved"),
        ("kind.printer", "kind.prniter", "kind.prniter: no device is of this kind."),
        ('at_end = "lock"', "", "device paja/pc-1: policy: at_end is set nowhere"),
        ("grace = 120", "shortest = 90000", "device paja/printer-1: policy: shortest (90000 s,"),
        ('state_dir = "state"', 'timezone = "Turku"', "orchestrator.timezone: 'Turku' is no time"),
        ("[http]", '[broker]\nkind = "external"\nport = 0\n[http]', "broker: an external broker"),
        ("[http]", '[broker]\nusername = "x"\n[http]', "broker: the embedded broker makes its own"),
        (
            "[http]",
            '[broker]\nca_file = "x"\n[http]',
            "broker: the embedded broker needs cert_file",
        ),
        (
            "[http]",
            '[broker]\nhost = "192.0.2.7"\n[http]',
            "broker: a broker that others can reach, at 192.0.2.7, needs TLS",
        ),
        (
            "[http]",
            '[broker]\nkind = "external"\nusername = "x"\n[http]',
            "broker: username and password_file go together.",
        ),
        (
            "[http]",
            '[broker]\nkind = "external"\nkey_file = "k"\n[http]',
            "broker: cert_file and key_file go together.",
        ),
        ("port = 0", "port =", "This is not TOML:"),
        ("[[site]]", "[site]", "site: It must be a list, not {'id': 'paja', 'name': 'Pajala'}."),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_its_key(
    file: Path, old: str, new: str, line: str
) -> None:
    """Of every kind of mistake."""
    found = wrong(file, old, new)
    assert any(said.startswith(line) for said in found), found


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    """Mending a file one error at a time is no fun."""
    lines = wrong(file, "port = 0", "prot = 0\nhsot = 1")
    assert len(lines) == 2


def test_a_missing_or_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    """Also what is no text, or a folder."""
    with pytest.raises(InvalidConfiguration, match=r"none.toml: No such file or directory\."):
        load(tmp_path / "none.toml", {})
    with pytest.raises(InvalidConfiguration, match="Is a directory"):
        load(tmp_path, {})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidConfiguration, match="not TOML"):
        load(tmp_path / "binary.toml", {})


def test_without_a_site_there_is_nothing_to_serve(tmp_path: Path) -> None:
    """An empty file is no configuration."""
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(InvalidConfiguration, match=r"empty.toml: there is no \[\[site\]\]"):
        load(tmp_path / "empty.toml", {})
