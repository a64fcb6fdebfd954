"""The rendered configuration of NATS, read back and tried with the server's own check."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from mqtt_schemas.topics import Address
from orchestrator.broker import nats
from orchestrator.broker.access import AccessError
from orchestrator.broker.embedded import server_binary
from orchestrator.broker.listener import Listener, NotRenderable, Tls
from tests.orchestrator.broker.strategies import addresses
from tests.orchestrator.broker.test_access import everybody

LISTENER = Listener(host="127.0.0.1", port=1883)
USER = re.compile(
    r'    \{\n      user: "(?P<name>[^"]+)"\n      password: "(?P<hash>[^"]+)"\n'
    r'      allowed_connection_types: \["MQTT"\]\n      permissions: \{\n'
    r"        publish: \{ allow: \[(?P<publish>[^\]]+)\] \}\n"
    r"        subscribe: \{ allow: \[(?P<subscribe>[^\]]+)\] \}\n      \}\n    \}\n"
)


def text(devices: list[Address], *, listener: Listener = LISTENER, store: str = "/var/x") -> str:
    """Return the rendered file."""
    places = nats.Places(store=Path(store))
    return nats.render(listener=listener, users=everybody(devices), places=places)[nats.CONFIG]


def accepted(folder: Path, config: str) -> bool:
    """Tell whether the server's own check takes the configuration."""
    path = folder / "nats.conf"
    path.write_text(config)
    check = subprocess.run(
        [server_binary(), "-t", "-c", path], check=False, capture_output=True, timeout=20
    )
    return check.returncode == 0


@given(addresses(min_size=1))
def test_each_users_block_is_exact(devices: list[Address]) -> None:
    """For any valid ids each user stands once, with its subjects and nothing else."""
    blocks = list(USER.finditer(text(devices)))
    assert len(blocks) == len(devices) + 1
    for block, device in zip(blocks[1:], devices, strict=True):
        own = f"laitevuoro.v1.{device.site}.{device.device}"
        assert block["name"] == f"{device.site}.{device.device}"
        assert block["publish"] == f'"{own}.up.>"'
        assert block["subscribe"].split(", ") == [
            f'"{own}.down"',
            f'"{own}.down.>"',
            '"laitevuoro.v1.orchestrator"',
            '"laitevuoro.v1.orchestrator.>"',
        ]


@pytest.mark.e2e
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(addresses(min_size=1))
def test_the_server_takes_it(tmp_path: Path, devices: list[Address]) -> None:
    """For any valid ids `nats-server -t` finds no fault."""
    assert accepted(tmp_path, text(devices))


@pytest.mark.e2e
@pytest.mark.parametrize("store", ['/srv/a "quoted" name', "/srv/back\\slash", "/srv/$HOME/ä ö"])
def test_odd_paths_are_quoted(tmp_path: Path, store: str) -> None:
    """Quotation marks, backslashes, dollars and other alphabets stay within their value."""
    assert accepted(tmp_path, text([Address("a", "b")], store=store))


@pytest.mark.e2e
def test_the_check_finds_faults(tmp_path: Path) -> None:
    """The check that the tests rely on does say no."""
    config = text([Address("a", "b")]).replace("port: 1883", "port: x")
    assert not accepted(tmp_path, config)


def test_every_listener_is_on_loopback_and_monitoring_is_off() -> None:
    """Nothing listens on every address, and there is no HTTP port unless asked for."""
    config = text([Address("a", "b")])
    assert re.findall(r'^ *(?:listen|host|http): "(.*?)"', config, re.MULTILINE) == [
        "127.0.0.1:4222",
        "127.0.0.1",
    ]
    assert "http" not in config
    assert "no_auth_user" not in config


def test_monitoring_is_on_loopback() -> None:
    """Where it is asked for, the HTTP port is for this machine only."""
    places = nats.Places(store=Path("/x"), monitor_port=8222)
    config = nats.render(listener=LISTENER, users=everybody([Address("a", "b")]), places=places)
    assert 'http: "127.0.0.1:8222"' in config[nats.CONFIG]


def test_tls_files_and_client_certificates() -> None:
    """With an authority for clients, a certificate is asked of each."""
    tls = Tls(certificate=Path("/c"), key=Path("/k"), clients_ca=Path("/ca"))
    config = text([Address("a", "b")], listener=Listener(host="::", port=8883, tls=tls))
    for line in ('cert_file: "/c"', 'key_file: "/k"', 'ca_file: "/ca"', "verify: true"):
        assert line in config


def test_what_was_acknowledged_is_on_disk_and_dead_sessions_let_go() -> None:
    """Each write is synced; a consumer that nobody reads is removed."""
    config = text([Address("a", "b")])
    assert "sync_interval: always" in config
    assert 'consumer_inactive_threshold: "1m"' in config


def test_no_users_is_refused() -> None:
    """Without users NATS would ask nobody for a password."""
    with pytest.raises(AccessError, match="open to everybody"):
        nats.render(listener=LISTENER, users=(), places=nats.Places(store=Path("/x")))


def test_a_path_that_breaks_its_line_is_refused() -> None:
    """A line break in a path can't add a setting."""
    with pytest.raises(NotRenderable):
        text([Address("a", "b")], store='/x"\nhttp: 0.0.0.0:80')


def test_subjects() -> None:
    """Levels become tokens, `+` becomes `*`, `#` becomes `>` and its bare parent."""
    assert nats.subject("a/+/b-1/#") == "a.*.b-1.>"
    assert nats.subscription_subjects("a/+/#") == ("a.*", "a.*.>")
    assert nats.subscription_subjects("a/b") == ("a.b",)
