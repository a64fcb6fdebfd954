"""Where a broker listens, and its TLS files. Both kinds are rendered from this."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from mqtt_schemas.codec import MAX_PAYLOAD

#: Bytes of one MQTT packet. Above the contract's limit, so that an oversized payload reaches
#: the orchestrator and is recorded there; below what could fill a broker's memory.
MAX_PACKET = 2 * MAX_PAYLOAD


class NotRenderable(ValueError):
    """A path or host that a configuration file can't carry. The text is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files. With `clients_ca` a client must show a certificate of that authority."""

    certificate: Path
    key: Path
    clients_ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """The MQTT listener."""

    host: str
    port: int
    tls: Tls | None = None

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def one_line(text: str | Path) -> str:
    """Return the text. Raises NotRenderable where it would break out of its line of a file."""
    text = str(text)
    if not text.isprintable() or text != text.strip():
        raise NotRenderable(f"{text!r} holds characters that no broker's configuration can carry")
    return text
