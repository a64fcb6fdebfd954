"""What a library in Helsinki reads calendars with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.calendars.model import AHEAD, Entry, Frame

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HELSINKI = ZoneInfo("Europe/Helsinki")
FILES = Path(__file__).parents[2] / "fixtures" / "calendars"
#: Stands in the fixtures, and may stand nowhere else.
PERSONAL = (
    "Example Person",
    "example.person",
    "Example Organiser",
    "organiser@",
    "Secret wish",
    "000 0000",
    "Red glasses",
    "red glasses",
    "chess piece",
    "Example Street",
)

FRAME = Frame(
    timezone="Europe/Helsinki",
    first=NOW - timedelta(days=1),
    last=NOW + AHEAD,
    places={
        "vr station": "paja/vr-1",
        "vr-1": "paja/vr-1",
        "paja/vr-1": "paja/vr-1",
        "printer 1": "paja/printer-1",
        "printer-1": "paja/printer-1",
        "paja/printer-1": "paja/printer-1",
    },
    groups=("lapset", "nuoret"),
)
VR = FRAME.model_copy(update={"device": "paja/vr-1"})


def fixture(name: str) -> bytes:
    """Return a file as a program wrote it."""
    return (FILES / name).read_bytes()


def calendar(*entries: str) -> bytes:
    """Return a calendar of entries, each given as its lines."""
    body = "".join(f"BEGIN:VEVENT\n{entry.strip()}\nEND:VEVENT\n" for entry in entries)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{body}END:VCALENDAR\n".encode()


def local(entry: Entry) -> tuple[str, str, str]:
    """Return where and when an entry is, as people in Helsinki read it."""
    first, last = (
        moment.astimezone(HELSINKI).strftime("%m-%d %H:%M")
        for moment in (entry.starts_at, entry.ends_at)
    )
    return entry.device, first, last
