"""A 3D printer behind OctoPrint: `kind = "…"`, `driver = "octoprint"`.

payloads (pure) puts OctoPrint's words into ours, prints (pure) tells the uses, client asks
and orders, push listens, device ties them together. What imports requests is imported only
when a device is built, so that other agents stay light.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agents.devices.octoprint.settings import Settings, read_key

if TYPE_CHECKING:
    from agents.clock import Clock
    from agents.devices.octoprint.device import OctoPrintDevice

__all__ = ["Settings", "build"]


def build(settings: Settings, clock: Clock, memory: Path | None = None) -> OctoPrintDevice:
    """Return the device. Nothing is connected before its `start`.

    memory: the file in which a print in hand outlasts a restart of the agent; it holds no
    file name. None: a running print is taken for a new use after a restart.
    Raises ValueError, with one sentence, where the key file can't be used.
    """
    from agents.devices.octoprint import client, device, push  # noqa: PLC0415 - see above

    read_key(settings.api_key_file)
    session = client.Session(lambda: read_key(settings.api_key_file))
    listening = client.Session(lambda: read_key(settings.api_key_file))
    return device.OctoPrintDevice(
        client=client.Client(url=settings.url, session=session),
        push=push.PushSocket(url=settings.url, session=listening, boot_ms=clock.boot_ms),
        boot_ms=clock.boot_ms,
        language=settings.language,
        patience_ms=settings.unreachable_after_seconds * 1000,
        memory=memory,
    )
