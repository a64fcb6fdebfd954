"""PURE: what the demo shows: its devices, their customers, and the turns that are booked.

One round, in seconds from its beginning, all divided by the speed:

    printer   0–20  a print that is too long: warned, and ended with the turn
             26–38  a print of 8 s that is done in time
    VR        3–21  a player who idles for a while, stays, and is locked out with the turn
             25–37  a player who leaves early
    PC              open to everybody; the demo never ends or locks what runs there
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.booked_turn import BookedTurn

SITE = "demo"
PC, PRINTER, VR = "pc", "printer", "vr"
#: Faster than ten times, a turn would be shorter than a warning's whole second.
LEAST_SPEED, MOST_SPEED = 1, 10
#: Seconds between laying the bookings and the first turn, whatever the speed: to see it free.
LEAD = 3.0
#: Seconds after a round's beginning at which its last turn is over, and the next one begins.
ROUND_USED, ROUND = 40.0, 55.0

_WARNINGS = (8, 3)


@dataclass(frozen=True, slots=True)
class Print:
    """What a customer prints: so many seconds after the turn began, for so long."""

    after: float
    seconds: float


#: The prints of a round's turns on the printer, in order: one too long, one that is done.
PRINTS = (Print(after=2, seconds=60), Print(after=1, seconds=8))

_PRINTER = "clear_after = 3\nreadings = { bed_celsius = 60.0, nozzle_celsius = 210.0 }\n" + "".join(
    f"""
[[visit]]
nth = {number}
every = {len(PRINTS)}
after = {one.after}
does = [{{ active = {one.seconds} }}]
job = true
filament_mm_per_second = 2.5
"""
    for number, one in enumerate(PRINTS, start=1)
)
_VR = """
[[visit]]
nth = 1
every = 2
after = 2
does = [{ active = 6 }, { idle = 3 }, { active = 1 }]
stays = true

[[visit]]
nth = 2
every = 2
after = 2
does = [{ active = 6 }]
"""
SCRIPTS: Mapping[str, str] = {PRINTER: _PRINTER, VR: _VR}


@dataclass(frozen=True, slots=True)
class _Turn:
    device: str
    starts: float
    ends: float
    group: str
    party: int = 1


_TURNS = (
    _Turn(PRINTER, 0, 20, "aikuiset"),
    _Turn(VR, 3, 21, "nuoret", 2),
    _Turn(VR, 25, 37, "lapset", 3),
    _Turn(PRINTER, 26, 38, "nuoret"),
)


def booked_turns(begins_at: datetime, speed: int) -> list[BookedTurn]:
    """Return the bookings of a round that begins at a time."""
    return [
        BookedTurn(
            device=turn.device,
            starts_at=begins_at + timedelta(seconds=turn.starts / speed),
            ends_at=begins_at + timedelta(seconds=turn.ends / speed),
            group=turn.group,
            party=turn.party,
        )
        for turn in _TURNS
    ]


def has_room(elapsed: float, until: float | None, speed: int) -> bool:
    """Tell whether a round that is laid now is over in time, so that no use is left open."""
    return until is None or elapsed + LEAD + ROUND_USED / speed <= until


def round_seconds(speed: int) -> float:
    """Return the seconds from laying one round's bookings to laying the next."""
    return ROUND / speed


def script(device: str, speed: int) -> str:
    """Return a scripted device's script."""
    return f"speed = {speed}\n{SCRIPTS[device]}"


def orchestrator_toml(*, broker_port: int, http_port: int, speed: int) -> str:
    """Return the orchestrator's configuration. Its paths are relative to its own folder."""
    warnings = sorted({max(1, round(each / speed)) for each in _WARNINGS}, reverse=True)
    return f"""\
[orchestrator]
instance = "demo"
state_dir = "state"
language = "en"

[http]
port = {http_port}

[broker]
kind = "embedded"
port = {broker_port}
credentials_dir = "credentials"

[policy]
shortest = 1
warn_before = {warnings}

[[site]]
id = "{SITE}"
name = "Demo library"

[[device]]
site = "{SITE}"
id = "{PC}"
kind = "pc"
name = "This computer"
[device.policy]
at_end = "notify"
outside_turns = "open"
after_expiry = "open"

[[device]]
site = "{SITE}"
id = "{PRINTER}"
kind = "printer"
name = "3D printer"
[device.policy]
at_end = "end"

[[device]]
site = "{SITE}"
id = "{VR}"
kind = "vr"
name = "VR station"
[device.policy]
at_end = "lock"
"""


def agent_toml(
    device: str, *, driver: str, broker_port: int, own: Mapping[str, str], without_plan: str
) -> str:
    """Return the configuration of one device's agent. `own` is the driver's table."""
    # A JSON string is a TOML string too.
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in own.items())
    return f"""\
state_dir = "{device}"

[broker]
port = {broker_port}

[[device]]
site = "{SITE}"
id = "{device}"
kind = "{device}"
driver = "{driver}"
password_file = "{device}.secret"
without_plan = "{without_plan}"

[device.{driver}]
{table}"""
