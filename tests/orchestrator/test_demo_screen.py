"""What the demo shows on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

from rich.console import Console, RenderableType

from orchestrator.client import DeviceNow, DeviceTotals, EventTotals, Totals, Turn
from orchestrator.demo_screen import happened, table, totals_table

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
EVENTS = EventTotals(accepted=0, duplicates=0, set_aside=0, rejected=0)
NOTHING = Totals(devices={}, events=EVENTS)
FREE = DeviceNow(device="vr", name="VR station", link="online", state="free")
IN_USE = FREE.model_copy(
    update={
        "state": "in_use",
        "turn": Turn(phase="warned", starts_at=NOON, ends_at=NOON),
        "seconds_left": 68.4,
        "sessions_today": 3,
        "active_seconds_today": 90.0,
    }
)


def counted(sessions: int, seconds: float, ended_by_turn: int = 0) -> Totals:
    """Return totals of the VR station."""
    totals = DeviceTotals(sessions=sessions, active_seconds=seconds, ended_by_turn=ended_by_turn)
    return Totals(devices={"demo/vr": totals}, events=EVENTS)


def shown(what: RenderableType) -> str:
    """Return what an ordinary terminal shows."""
    screen = StringIO()
    Console(file=screen, width=80).print(what)
    return screen.getvalue()


def test_the_table_tells_all_of_a_device() -> None:
    """Link, state, turn, time left, sessions and minutes."""
    text = shown(table([IN_USE]))
    for part in ("VR station", "online", "in use", "warned", "1:08", "3", "1.5"):
        assert part in text


def test_the_table_fits_a_terminal_at_its_widest() -> None:
    """Nothing is cut off in 80 columns."""
    widest = FREE.model_copy(
        update={
            "name": "This computer",
            "state": "to_be_cleared",
            "next_turn": Turn(starts_at=NOON, ends_at=NOON),
            "link": "offline",
        }
    )
    text = shown(table([widest]))
    for part in ("This computer", "offline", "to clear", f"at {NOON.astimezone():%H:%M:%S}"):
        assert part in text


def test_a_device_that_was_never_heard_of_is_shown_too() -> None:
    """With dashes where nothing is known."""
    unknown = DeviceNow(device="vr", name="VR station", link="never", state=None)
    text = shown(table([unknown]))
    assert "never" in text
    assert "–" in text


def test_a_device_that_its_agent_can_not_see_is_not_shown_as_free() -> None:
    """Nobody takes what was not seen for a device that nobody uses."""
    unseen = FREE.model_copy(update={"device_link": "disconnected"})
    text = shown(table([unseen]))
    assert "not seen" in text
    assert "free" not in text


def test_what_happened_between_two_looks_is_said() -> None:
    """A change of state, a warning, an end and its count; nothing where nothing happened."""
    assert list(happened(([FREE], NOTHING), ([FREE], NOTHING))) == []
    assert list(happened(([FREE], NOTHING), ([IN_USE], NOTHING))) == [
        "VR station: free → in use",
        "VR station: the customer is warned, 1:08 left",
    ]
    assert list(happened(([IN_USE], counted(1, 10.0)), ([FREE], counted(2, 14.5, 1)))) == [
        "VR station: in use → free",
        "VR station: counted, 4.500 s of use, ended by its turn",
    ]
    offline = FREE.model_copy(update={"link": "offline"})
    assert list(happened(([FREE], NOTHING), ([offline], NOTHING))) == ["VR station: offline"]


def test_the_totals_are_shown_for_every_device() -> None:
    """Also where nothing was counted."""
    text = shown(totals_table(counted(2, 14.5, 1), {"vr": "VR station", "pc": "PC"}))
    assert "14.500" in text
    assert "0.000" in text
