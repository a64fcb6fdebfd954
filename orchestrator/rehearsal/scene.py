"""PURE: the rehearsed library's configuration, and its customers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from orchestrator.rehearsal.proxy import HOST

SITE, INSTANCE = "rehearsal", "rehearsal"
GROUP = "nuoret"
#: Customers come and go so much faster than in a library.
SPEED = 20


def orchestrator_toml(
    *, broker_port: int, http_port: int, username: str, devices: Sequence[str]
) -> str:
    """Return the orchestrator's configuration. Its paths are relative to its own folder."""
    head = f"""\
[orchestrator]
instance = "{INSTANCE}"
state_dir = "state"
language = "en"

[http]
port = {http_port}

[broker]
kind = "external"
host = "{HOST}"
port = {broker_port}
username = "{username}"
password_file = "orchestrator.secret"

[policy]
at_end = "end"
outside_turns = "open"
after_expiry = "open"
shortest = 1
warn_before = [1]

[[site]]
id = "{SITE}"
"""
    tables = [
        f'\n[[device]]\nsite = "{SITE}"\nid = "{device}"\nkind = "vr"\n' for device in devices
    ]
    return head + "".join(tables)


def agent_toml(*, broker_port: int, state_dir: str, sockets: dict[str, Path]) -> str:
    """Return the configuration of an agent with these devices, each at its socket."""
    head = f"""\
state_dir = "{state_dir}"

[broker]
host = "{HOST}"
port = {broker_port}
"""
    return head + "".join(_device(device, socket) for device, socket in sockets.items())


def _device(device: str, socket: Path) -> str:
    return f"""
[[device]]
site = "{SITE}"
id = "{device}"
kind = "vr"
driver = "simulated"
password_file = "{device}.secret"
without_plan = "open"

[device.simulated]
socket = {json.dumps(str(socket))}
"""


def script(seed: int, number: int) -> str:
    """Return a device's script: a crowd that hardly ever leaves it free."""
    return f"""\
speed = {SPEED}
repair_after = 4
clear_after = 2
patience = 10

[crowd]
seed = {seed * 1000 + number}
gap = [0.4, 4]
stay = [2, 16]
idle_share = 0.3
stays_share = 0.02
fault_share = 0.03
job_share = 0.1
"""
