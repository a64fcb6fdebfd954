"""PURE: reservations of Respa's REST interface -> bookings. `reserver_*` and texts are dropped."""

from __future__ import annotations

from pydantic import Field

from orchestrator.calendars.json_rows import Reservation, load, rows, take
from orchestrator.calendars.model import LARGEST_PARTY, Findings, Frame, Parsed, Unreadable

#: What takes its time. Asked for and not paid yet, too: Respa gives it to nobody else.
_HOLD = frozenset({"confirmed", "requested", "waiting_for_payment"})


class _Reservation(Reservation):
    resource: str
    number_of_participants: int | None = Field(default=None, ge=0, le=LARGEST_PARTY)


def parse(data: bytes, frame: Frame) -> Parsed:
    """Return the reservations within the frame. Raises Unreadable.

    `frame.places` names devices by Respa's resource ids.
    """
    body, found = load(data), Findings()
    if isinstance(body, dict):
        if body.get("next"):
            raise Unreadable("This is one page of several: ask for all, with page_size.")
        body = body.get("results")
    for where, row in rows(body, _Reservation, found):
        if row.state.lower() in _HOLD:
            take(found, frame, where, row, places=[row.resource], party=row.number_of_participants)
        else:
            found.cancelled += 1
    return found.parsed()
