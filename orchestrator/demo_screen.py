"""PURE: what the demo shows of the devices: a table, and a line for each thing that happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from orchestrator.client import DeviceNow, Totals
from orchestrator.demo_scene import SITE

_WORDS = {"in_use": "in use", "to_be_cleared": "to clear"}
_STATE_STYLES = {"free": "green", "in_use": "cyan", "locked": "magenta", "fault": "red"}
_PHASES = {
    "open": "running",
    "warned": "warned",
    "grace": "grace",
    "overrun": "overrun",
    "awaiting_check_in": "check-in",
}


def table(devices: Sequence[DeviceNow]) -> Table:
    """Return the live table: a row for each device. It fits 80 columns."""
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("Device", "Link", "State", "Turn"):
        shown.add_column(heading)
    for heading in ("Time\nleft", "Sessions\ntoday", "Minutes\ntoday"):
        shown.add_column(heading, justify="right")
    for device in devices:
        shown.add_row(
            device.name,
            _styled(device.link, "green" if device.link == "online" else "red"),
            _styled(_state(device), _STATE_STYLES.get(device.state or "", "yellow")),
            _turn(device),
            _clock(device.seconds_left),
            str(device.sessions_today),
            f"{device.active_seconds_today / 60:.1f}",
        )
    return shown


def happened(
    before: tuple[Sequence[DeviceNow], Totals], after: tuple[Sequence[DeviceNow], Totals]
) -> Iterator[str]:
    """Yield a line for each thing that a person should notice between two looks."""
    known = {device.device: device for device in before[0]}
    for now in after[0]:
        was = known.get(now.device)
        if was is None:
            continue
        if was.link != now.link:
            yield f"{now.name}: {now.link}"
        if was.state != now.state:
            yield f"{now.name}: {_state(was)} → {_state(now)}"
        if _phase(now) == "warned" and _phase(was) != "warned":
            yield f"{now.name}: the customer is warned, {_clock(now.seconds_left)} left"
        yield from _counted(now, before[1], after[1])


def totals_table(totals: Totals, names: dict[str, str]) -> Table:
    """Return what was counted, a row for each device."""
    shown = Table(title="Counted use", title_justify="left", box=SIMPLE_HEAD)
    shown.add_column("Device")
    for heading in ("Sessions", "Active, s", "Idle, s", "Ended by turn"):
        shown.add_column(heading, justify="right")
    for device, name in names.items():
        counted = totals.of(SITE, device)
        shown.add_row(
            name,
            str(counted.sessions),
            f"{counted.active_seconds:.3f}",
            f"{counted.idle_seconds:.3f}",
            str(counted.ended_by_turn),
        )
    return shown


def _counted(now: DeviceNow, before: Totals, after: Totals) -> Iterator[str]:
    was, is_now = before.of(SITE, now.device), after.of(SITE, now.device)
    if is_now.sessions <= was.sessions:
        return
    seconds = is_now.active_seconds - was.active_seconds
    by_turn = ", ended by its turn" if is_now.ended_by_turn > was.ended_by_turn else ""
    yield f"{now.name}: counted, {seconds:.3f} s of use{by_turn}"


def _state(device: DeviceNow) -> str:
    if device.device_link == "disconnected":
        return "not seen"
    return "–" if device.state is None else _WORDS.get(device.state, device.state)


def _phase(device: DeviceNow) -> str | None:
    return device.turn.phase if device.turn else None


def _turn(device: DeviceNow) -> str:
    if device.turn is not None:
        return _PHASES.get(device.turn.phase or "open", "running")
    if device.next_turn is not None:
        return f"at {device.next_turn.starts_at.astimezone():%H:%M:%S}"
    return "–"


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"


def _styled(text: str, style: str) -> str:
    return f"[{style}]{text}[/]"
