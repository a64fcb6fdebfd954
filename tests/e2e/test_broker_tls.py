"""TLS on real brokers: who is whom. The same tests on Mosquitto and NATS."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from orchestrator.broker.listener import Tls
from tests.e2e.brokers import MAIN, Broker
from tests.parts import require

pytestmark = [
    pytest.mark.e2e,
    # paho leaves the socket of a failed handshake to the garbage collector.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
    ),
]


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own, in a folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """The authority's own certificate."""
        return self.folder / "ca.pem"

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return certificate and key for 127.0.0.1, signed by this authority."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        signer = ["-CA", str(self.certificate), "-CAkey", str(self.folder / "ca.key")]
        self.openssl(certificate, key, name, "subjectAltName=IP:127.0.0.1", *signer)
        return certificate, key

    def openssl(self, certificate: Path, key: Path, name: str, extension: str, *more: str) -> None:
        """Make a certificate and its key."""
        program = require(shutil.which("openssl"), "openssl is not installed")
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        names = ["-subj", f"/CN={name}", "-addext", extension]
        files = ["-keyout", str(key), "-out", str(certificate)]
        command = [program, "req", "-x509", *kind, *names, *files, *more]
        subprocess.run(command, check=True, capture_output=True, timeout=20)


def authority(folder: Path) -> Authority:
    """Make an authority."""
    folder.mkdir()
    made = Authority(folder)
    made.openssl(
        made.certificate, folder / "ca.key", "authority", "basicConstraints=critical,CA:TRUE"
    )
    return made


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """Make the library's authority."""
    return authority(tmp_path / "ours")


def trusting(ca: Authority, client: tuple[Path, Path] | None = None) -> dict[str, Any]:
    """Return a client's options."""
    certificate, key = client or (None, None)
    return {
        "tls_params": aiomqtt.TLSParameters(
            ca_certs=str(ca.certificate),
            certfile=str(certificate) if certificate else None,
            keyfile=str(key) if key else None,
        )
    }


async def get_in(broker: Broker, **options: Any) -> None:  # noqa: ANN401 # aiomqtt's own
    """Connect and publish something that is acknowledged."""
    async with broker.client(MAIN, **options) as client:
        await client.publish("laitevuoro/v1/orchestrator/main", b"", qos=1)


async def test_a_broker_is_known_by_its_authority(
    broker: Broker, ours: Authority, tmp_path: Path
) -> None:
    """Clients that know the authority get in; others refuse the broker, and plain text is dead."""
    certificate, key = ours.issue("broker")
    broker.tls = Tls(certificate=certificate, key=key)
    broker.restart()
    await get_in(broker, **trusting(ours))
    with pytest.raises(aiomqtt.MqttError, match="certificate verify failed"):
        await get_in(broker, **trusting(authority(tmp_path / "theirs")))
    with pytest.raises(aiomqtt.MqttError):
        await get_in(broker, timeout=1)


async def test_a_broker_may_ask_for_certificates(
    broker: Broker, ours: Authority, tmp_path: Path
) -> None:
    """With an authority for clients, a password alone is not enough."""
    certificate, key = ours.issue("broker")
    broker.tls = Tls(certificate=certificate, key=key, clients_ca=ours.certificate)
    broker.restart()
    await get_in(broker, **trusting(ours, ours.issue("device")))
    theirs = authority(tmp_path / "theirs")
    for client in (None, theirs.issue("device")):
        with pytest.raises(aiomqtt.MqttError):
            await get_in(broker, **trusting(ours, client), timeout=1)
